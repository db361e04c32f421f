import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createSignalingServer, type SignalingServer } from '../../signaling/server.ts';
import { createRoomLink, type RoomLink } from '../../src/protocol/room-link.ts';
import { randomBytes } from './page-world.ts';

/** The built page on a server that can be stopped, and started again on the same port, with another build if need be. */
export interface RestartableSite {
  /** Ends with `/`. */
  readonly origin: string;
  newRoom(): RoomLink;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Changes a page as another build would: it names another style. */
  rebuild(page: string): void;
  /** Changes the service worker as another build would; `build` is its id, of 16 letters. */
  rebuildShell(build: string): void;
  close(): Promise<void>;
}

export async function openRestartableSite(): Promise<RestartableSite> {
  const folder = mkdtempSync(join(tmpdir(), 'peerceptron-site-'));
  cpSync(fileURLToPath(new URL('../../dist/page', import.meta.url)), folder, { recursive: true });
  const serve = (port: number): SignalingServer =>
    createSignalingServer({ port, host: '127.0.0.1', staticDir: folder });
  let server: SignalingServer | undefined = serve(0);
  const { url: origin, port } = await server.ready;
  const stop = async (): Promise<void> => {
    await server?.close();
    server = undefined;
  };
  return {
    origin,
    newRoom: () => createRoomLink(origin, randomBytes),
    start: async () => {
      server = serve(port);
      await server.ready;
    },
    stop,
    rebuild: (page) => {
      const path = join(folder, page);
      writeFileSync(join(folder, 'assets/another-Bu1ldBu1.css'), ':root { --another-build: 1; }');
      const link = '<link rel="stylesheet" crossorigin href="/assets/another-Bu1ldBu1.css">';
      writeFileSync(path, readFileSync(path, 'utf8').replace('</head>', `${link}</head>`));
    },
    rebuildShell: (build) => {
      const path = join(folder, 'service-worker.js');
      const code = readFileSync(path, 'utf8');
      writeFileSync(path, code.replace(/"build":"[^"]+"/, `"build":"${build}"`));
    },
    close: async () => {
      await stop();
      rmSync(folder, { recursive: true });
    },
  };
}
