import { readFile, writeFile } from 'node:fs/promises';
import { formatRoomLink, parseRoomLink, type RoomLink } from '../src/protocol/room-link.ts';
import { PeerceptronError, toPeerceptronError } from '../src/shared/errors.ts';

/**
 * The room that a file keeps, so that links hold after a restart; undefined where there is no such file yet.
 * @throws ROOM_LINK_INVALID for a file that holds something else
 */
export async function readRoomFile(path: string): Promise<RoomLink | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    throw new PeerceptronError(
      'ROOM_LINK_INVALID',
      `--room-file ${path} cannot be read: ${toPeerceptronError(cause).message}.`,
      { cause },
    );
  }
  try {
    return parseRoomLink(text);
  } catch (cause) {
    throw new PeerceptronError(
      'ROOM_LINK_INVALID',
      `--room-file ${path} holds no room: ${toPeerceptronError(cause).message} Delete the file, and a new room is made.`,
      { cause },
    );
  }
}

/** For this user alone: whoever reads it is in the room. @throws OUTPUT_UNWRITABLE */
export async function writeRoomFile(path: string, link: RoomLink): Promise<void> {
  try {
    await writeFile(path, `${formatRoomLink(link)}\n`, { mode: 0o600 });
  } catch (cause) {
    throw new PeerceptronError(
      'OUTPUT_UNWRITABLE',
      `--room-file ${path} cannot be written: ${toPeerceptronError(cause).message}.`,
      { cause },
    );
  }
}
