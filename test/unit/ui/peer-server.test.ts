import { describe, expect, it } from 'vitest';
import { PUBLIC_PEER_SERVER } from '../../../src/protocol/peer-server.ts';
import { findPeerServer } from '../../../src/ui/peer-server.ts';

const page = 'https://host/below/#room.secret';
const host = (files: Record<string, string>) => async (url: URL) => {
  const text = files[url.href];
  return text === undefined ? new Response('Not found', { status: 404 }) : new Response(text);
};
const settings = (value: unknown) => host({ 'https://host/below/peerceptron.json': JSON.stringify(value) });

describe('which PeerServer a page uses', () => {
  it('none beside our own signaling server, whatever the settings say', async () => {
    const files = {
      'https://host/below/config.json': JSON.stringify({ app: 'peerceptron', signalingVersion: 1 }),
      'https://host/below/peerceptron.json': JSON.stringify({ peerServer: { host: 'mine' } }),
    };
    expect(await findPeerServer(page, host(files))).toBeUndefined();
  });

  it('the public one where nothing is said, and where a host answers everything with a page', async () => {
    expect(await findPeerServer(page, host({}))).toBe(PUBLIC_PEER_SERVER);
    expect(await findPeerServer(page, settings({}))).toBe(PUBLIC_PEER_SERVER);
    expect(await findPeerServer(page, async () => new Response('<!doctype html>'))).toBe(PUBLIC_PEER_SERVER);
    expect(await findPeerServer(page, () => Promise.reject(new TypeError('offline')))).toBe(
      PUBLIC_PEER_SERVER,
    );
  });

  it('the one of peerceptron.json', async () => {
    expect(await findPeerServer(page, settings({ peerServer: { host: 'mine' } }))).toEqual({
      secure: true,
      host: 'mine',
      path: '/',
      key: 'peerjs',
    });
    const all = { host: 'mine', port: 9000, path: '/a/', key: 'k', secure: false };
    expect(await findPeerServer(page, settings({ peerServer: all }))).toEqual({
      secure: false,
      host: 'mine:9000',
      path: '/a/',
      key: 'k',
    });
  });

  it.each([{ host: 'a b' }, { host: 'h', port: 0 }, { host: 'h', path: 'a' }, { host: 'h', keys: 'k' }, {}])(
    'peerceptron.json that is not right is USAGE and says what: %j',
    async (peerServer) => {
      await expect(findPeerServer(page, settings({ peerServer }))).rejects.toMatchObject({
        code: 'USAGE',
        message: expect.stringContaining('peerServer') as string,
      });
    },
  );
});
