document.body.textContent = 'Peerceptron';
