import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createSignalingServer, type SignalingServer } from '../signaling/server.ts';
import type { TlsPair } from '../signaling/tls-pair.ts';
import type { TrustOffer } from '../signaling/trust-files.ts';
import { createRoomLink, formatRoomLink, type RoomLink } from '../src/protocol/room-link.ts';
import { PeerceptronError } from '../src/shared/errors.ts';
import { nodeRandomBytes } from './platform.ts';

export interface LocalRoom {
  readonly server: SignalingServer;
  readonly port: number;
  /** The room's link as this machine reaches it. */
  readonly link: RoomLink;
  /** The same room under another address of this machine; `https` only where the room was opened with a certificate. */
  urlAt(host: string, scheme?: 'http' | 'https'): string;
}

export interface LocalRoomOptions {
  /** 0 picks a free one. */
  readonly port: number;
  readonly host?: string;
  /** The readable part of a new room's link. */
  readonly room?: string;
  /** A room that there was before. */
  readonly keptRoom?: Pick<RoomLink, 'room' | 'secret'>;
  /** Then the port speaks https besides http. */
  readonly tls?: TlsPair;
  readonly trust?: TrustOffer;
  readonly modelsDir?: string;
  /** Of the built page, where it is not beside the running program. */
  readonly pageDir?: string;
  /** Asked for when the port is taken: `true` tries the next one. */
  readonly onPortTaken?: (port: number) => boolean;
}

const PORTS_TRIED = 20;

/** The folder with the built page, beside the built program. */
export const pageDir = (): string => fileURLToPath(new URL('../page', import.meta.url));

/** Starts a signaling server with the page, and makes a room on it. */
export async function openLocalRoom(options: LocalRoomOptions): Promise<LocalRoom> {
  const { server, port } = await listen(options);
  const link = {
    ...createRoomLink(`http://127.0.0.1:${port}/`, nodeRandomBytes, options.room),
    ...(options.keptRoom ? { room: options.keptRoom.room, secret: options.keptRoom.secret } : {}),
  };
  return {
    server,
    port,
    link,
    urlAt: (host, scheme = 'http') => formatRoomLink({ ...link, origin: `${scheme}://${host}:${port}/` }),
  };
}

async function listen(options: LocalRoomOptions): Promise<{ server: SignalingServer; port: number }> {
  const staticDir = options.pageDir ?? pageDir();
  for (let port = options.port; ; port++) {
    const server = createSignalingServer({
      port,
      ...(options.host ? { host: options.host } : {}),
      ...(existsSync(staticDir) ? { staticDir } : {}),
      ...(options.modelsDir ? { modelsDir: options.modelsDir } : {}),
      ...(options.tls ? { tls: options.tls } : {}),
      ...(options.trust ? { trust: options.trust } : {}),
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
