import { PeerceptronError } from '../shared/errors.ts';

/** Containers inside containers. Plans and graphs stay below ten. */
const MAX_DEPTH = 64;

/**
 * Walks a msgpack value without building it. A five-byte header may claim four billion elements, and decoders allocate
 * on its word; here every element that is still owed must have at least one byte left, so what a decoder allocates
 * afterwards is bounded by the bytes that really arrived.
 *
 * Refused: truncated values, bytes after the value, extension types, map keys that are not strings, deep nesting.
 * @throws PROTOCOL_MALFORMED, PROTOCOL_LIMIT
 */
export function checkMsgpackShape(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = bytes.length;
  /** Values still to be read per open container; of a map, keys and values alike. */
  const owed: number[] = [];
  const isMap: boolean[] = [];
  let position = 0;
  let totalOwed = 1;
  for (;;) {
    if (totalOwed > size - position) throw malformed('payload is truncated or claims more than it has');
    const byte = view.getUint8(position++);
    totalOwed -= 1;
    const top = owed.length - 1;
    if (top >= 0) {
      const left = owed[top] ?? 0;
      if (isMap[top] === true && left % 2 === 0 && !isString(byte))
        throw malformed('a map key is not a string');
      owed[top] = left - 1;
    }

    const need = lengthBytes(byte);
    if (need > size - position) throw malformed('payload is truncated');
    const declared =
      need === 1
        ? view.getUint8(position)
        : need === 2
          ? view.getUint16(position)
          : need === 4
            ? view.getUint32(position)
            : 0;
    position += need;
    const kind = kindOf(byte);
    switch (kind) {
      case 'scalar':
        position += scalarBytes(byte);
        break;
      case 'text':
        position += byte >= 0xa0 && byte <= 0xbf ? byte & 31 : declared;
        break;
      case 'array':
      case 'map': {
        const fixed = byte < 0xa0;
        const elements = (fixed ? byte & 15 : declared) * (kind === 'map' ? 2 : 1);
        if (elements > 0) {
          if (owed.length === MAX_DEPTH) {
            throw new PeerceptronError('PROTOCOL_LIMIT', `payload is nested more than ${MAX_DEPTH} deep`);
          }
          owed.push(elements);
          isMap.push(kind === 'map');
          totalOwed += elements;
        }
        break;
      }
      case 'refused':
        throw malformed(`payload has a value of type 0x${byte.toString(16)}`);
    }
    if (position > size) throw malformed('payload is truncated');
    while (owed.length > 0 && owed[owed.length - 1] === 0) {
      owed.pop();
      isMap.pop();
    }
    if (totalOwed === 0) break;
  }
  if (position !== size) throw malformed(`${size - position} bytes follow the payload`);
}

function isString(byte: number): boolean {
  return (byte >= 0xa0 && byte <= 0xbf) || (byte >= 0xd9 && byte <= 0xdb);
}

function kindOf(byte: number): 'scalar' | 'text' | 'array' | 'map' | 'refused' {
  if (byte <= 0x7f || byte >= 0xe0) return 'scalar';
  if (byte <= 0x8f) return 'map';
  if (byte <= 0x9f) return 'array';
  if (isString(byte) || (byte >= 0xc4 && byte <= 0xc6)) return 'text';
  if (byte === 0xdc || byte === 0xdd) return 'array';
  if (byte === 0xde || byte === 0xdf) return 'map';
  // 0xc1 is never used; 0xc7…0xc9 and 0xd4…0xd8 are extensions.
  if (byte === 0xc1 || (byte >= 0xc7 && byte <= 0xc9) || (byte >= 0xd4 && byte <= 0xd8)) return 'refused';
  return 'scalar';
}

/** Bytes of the length prefix that follows the type byte. */
function lengthBytes(byte: number): 0 | 1 | 2 | 4 {
  if (byte === 0xc4 || byte === 0xd9) return 1;
  if (byte === 0xc5 || byte === 0xda || byte === 0xdc || byte === 0xde) return 2;
  if (byte === 0xc6 || byte === 0xdb || byte === 0xdd || byte === 0xdf) return 4;
  return 0;
}

/** Bytes after the type byte of numbers; nil and booleans have none. */
function scalarBytes(byte: number): number {
  switch (byte) {
    case 0xcc:
    case 0xd0:
      return 1;
    case 0xcd:
    case 0xd1:
      return 2;
    case 0xca:
    case 0xce:
    case 0xd2:
      return 4;
    case 0xcb:
    case 0xcf:
    case 0xd3:
      return 8;
    default:
      return 0;
  }
}

function malformed(message: string): PeerceptronError {
  return new PeerceptronError('PROTOCOL_MALFORMED', message);
}
