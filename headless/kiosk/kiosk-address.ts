import { formatRoomLink, type RoomLink } from '../../src/protocol/room-link.ts';

export interface KioskPageOptions {
  /** As the page understands `?dim=`. */
  readonly dim?: string;
  /** As the page understands `?engine=`. */
  readonly engine?: string;
}

/** The page of a room for a screen that nobody touches. The file's own name works on every kind of host. */
export function kioskAddress(link: RoomLink, options: KioskPageOptions): string {
  const address = new URL(formatRoomLink(link));
  address.pathname += 'kiosk.html';
  for (const name of ['dim', 'engine'] as const) {
    const value = options[name];
    if (value !== undefined) address.searchParams.set(name, value);
  }
  return address.href;
}

/** Where that page may come from: one over http goes over to https at the same port, where it is trusted. */
export function kioskOrigins({ origin }: RoomLink): string[] {
  const { protocol, hostname, port } = new URL(origin);
  const own = new URL(origin).origin;
  return protocol === 'https:' ? [own] : [own, new URL(`https://${hostname}:${port || '80'}/`).origin];
}
