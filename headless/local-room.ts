import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createSignalingServer, type SignalingServer } from '../signaling/server.ts';
import { createRoomLink, formatRoomLink, type RoomLink } from '../src/protocol/room-link.ts';
import { PeerceptronError } from '../src/shared/errors.ts';
import { nodeRandomBytes } from './platform.ts';

export interface LocalRoom {
  readonly server: SignalingServer;
  readonly port: number;
  /** The room's link as this machine reaches it. */
  readonly link: RoomLink;
  /** The same room under another address of this machine. */
  urlAt(host: string): string;
}

export interface LocalRoomOptions {
  /** 0 picks a free one. */
  readonly port: number;
  readonly host?: string;
  readonly room?: string;
  readonly modelsDir?: string;
  /** Asked for when the port is taken: `true` tries the next one. */
  readonly onPortTaken?: (port: number) => boolean;
}

const PORTS_TRIED = 20;

/** The folder with the built page, beside the built program. */
export const pageDir = (): string => fileURLToPath(new URL('../page', import.meta.url));

/** Starts a signaling server with the page, and makes a room on it. */
export async function openLocalRoom(options: LocalRoomOptions): Promise<LocalRoom> {
  const { server, port } = await listen(options);
  const link = createRoomLink(`http://127.0.0.1:${port}/`, nodeRandomBytes, options.room);
  return {
    server,
    port,
    link,
    urlAt: (host) => formatRoomLink({ ...link, origin: `http://${host}:${port}/` }),
  };
}

async function listen(options: LocalRoomOptions): Promise<{ server: SignalingServer; port: number }> {
  for (let port = options.port; ; port++) {
    const server = createSignalingServer({
      port,
      ...(options.host ? { host: options.host } : {}),
      ...(existsSync(pageDir()) ? { staticDir: pageDir() } : {}),
      ...(options.modelsDir ? { modelsDir: options.modelsDir } : {}),
    });
    try {
      const address = await server.ready;
      return { server, port: address.port };
    } catch (error) {
      const taken = error instanceof PeerceptronError && error.code === 'PORT_TAKEN';
      const again = taken && port - options.port < PORTS_TRIED && options.onPortTaken?.(port);
      if (!again) throw error;
    }
  }
}
