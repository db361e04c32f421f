import { createSignalingServer } from '../../signaling/server.ts';
import { startPeerServer } from '../support/peer-server.ts';
import { newLink, signalingSuite } from './signaling-suite.ts';

signalingSuite('signaling server', async () => {
  const server = createSignalingServer({ port: 0, host: '127.0.0.1' });
  const { url } = await server.ready;
  return { newRoom: () => newLink(url), close: () => server.close() };
});

signalingSuite('PeerServer', async () => {
  const server = await startPeerServer();
  return { newRoom: () => newLink('http://page.invalid/', server.address), close: () => server.close() };
});
