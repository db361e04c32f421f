import * as v from 'valibot';
import { PUBLIC_PEER_SERVER, type PeerServerAddress } from '../protocol/peer-server.ts';
import { PeerceptronError } from '../shared/errors.ts';

/** `peerceptron.json` beside the page, all of it optional: for whoever puts the page on a host of their own. */
const settings = v.object({
  peerServer: v.optional(
    v.strictObject({
      host: v.pipe(v.string(), v.regex(/^[A-Za-z0-9.-]{1,253}$/, 'a host name')),
      port: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535))),
      path: v.optional(
        v.pipe(v.string(), v.regex(/^\/(?:[A-Za-z0-9._~-]{1,64}\/)*$/, 'begins and ends with /')),
      ),
      key: v.optional(v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{1,64}$/, 'letters and digits'))),
      secure: v.optional(v.boolean()),
    }),
  ),
});

/** What the signaling server says of itself at `config.json`. */
const signalingServer = v.object({ signalingVersion: v.number() });

/**
 * The PeerServer that a room on this page uses: none where the page's own server introduces peers, else the one of
 * `peerceptron.json`, else the public one.
 * @throws USAGE when `peerceptron.json` is there and not right
 */
export async function findPeerServer(
  page: string,
  load: (url: URL) => Promise<Response>,
): Promise<PeerServerAddress | undefined> {
  if (v.is(signalingServer, await json(new URL('config.json', page), load))) return undefined;
  const found = await json(new URL('peerceptron.json', page), load);
  if (found === undefined) return PUBLIC_PEER_SERVER;
  const parsed = v.safeParse(settings, found);
  if (!parsed.success) {
    throw new PeerceptronError(
      'USAGE',
      `peerceptron.json beside the page is not right: ${parsed.issues.map((issue) => `${v.getDotPath(issue) ?? 'it'}: ${issue.message}`).join('; ')}`,
    );
  }
  const { peerServer } = parsed.output;
  if (!peerServer) return PUBLIC_PEER_SERVER;
  const { host, port, path = '/', key = 'peerjs', secure = true } = peerServer;
  return { secure, host: port === undefined ? host : `${host}:${port}`, path, key };
}

/** Nothing where there is no such file; static hosts answer with pages of their own. */
async function json(url: URL, load: (url: URL) => Promise<Response>): Promise<unknown> {
  url.hash = '';
  try {
    const response = await load(url);
    return response.ok ? ((await response.json()) as unknown) : undefined;
  } catch {
    return undefined;
  }
}
