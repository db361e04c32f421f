declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** 32 lower-case hex digits, chosen at random by the peer itself when it joins. */
export type PeerId = Branded<'PeerId'>;
/** 32 lower-case hex digits, derived from the room secret; all that the signaling server learns of a room. */
export type RoomId = Branded<'RoomId'>;
/** 32 lower-case hex digits, known beforehand only to the requester that made it. */
export type SessionId = Branded<'SessionId'>;

const hex128 = /^[0-9a-f]{32}$/;

export function isHex128(value: string): boolean {
  return hex128.test(value);
}

export function toHex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}

export const asPeerId = (value: string): PeerId => value as PeerId;
export const asRoomId = (value: string): RoomId => value as RoomId;
export const asSessionId = (value: string): SessionId => value as SessionId;

/** Enough of an id to tell the devices of a room apart in a table. */
export const shortId = (id: string): string => id.slice(0, 6);
