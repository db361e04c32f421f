import { expect } from 'chai';

describe('WebRTC in this browser', () => {
  it('connects two peers of one page by their local addresses', async () => {
    const caller = new RTCPeerConnection();
    const callee = new RTCPeerConnection();
    try {
      caller.addEventListener(
        'icecandidate',
        ({ candidate }) => void callee.addIceCandidate(candidate ?? undefined),
      );
      callee.addEventListener(
        'icecandidate',
        ({ candidate }) => void caller.addIceCandidate(candidate ?? undefined),
      );
      const channel = caller.createDataChannel('test');
      const received = new Promise<unknown>((resolve) => {
        callee.addEventListener('datachannel', (event) =>
          event.channel.addEventListener('message', ({ data }) => resolve(data)),
        );
      });
      channel.addEventListener('open', () => channel.send('hello'));
      await caller.setLocalDescription();
      await callee.setRemoteDescription(caller.localDescription!);
      await callee.setLocalDescription();
      await caller.setRemoteDescription(callee.localDescription!);
      expect(await received).to.equal('hello');
    } finally {
      caller.close();
      callee.close();
    }
  });
});
