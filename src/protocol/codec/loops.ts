import { decodeF16, encodeF16 } from './f16.ts';
import { decodeU8, encodeU8, measureU8 } from './u8.ts';

/** What goes over every number of a tensor. Each takes `count` of them, wherever they begin. */
export interface CodecLoops {
  readonly encodeF16: typeof encodeF16;
  readonly decodeF16: typeof decodeF16;
  readonly measureU8: typeof measureU8;
  readonly encodeU8: typeof encodeU8;
  readonly decodeU8: typeof decodeU8;
}

export const plainLoops: CodecLoops = { encodeF16, decodeF16, measureU8, encodeU8, decodeU8 };

let current = plainLoops;

/** The fastest that this thread has. */
export const codecLoops = (): CodecLoops => current;

/**
 * Replaces the loops of this thread, at any time, also in the middle of a stream. A setting of the module and not an argument through
 * every layer between a program and a codec: what it changes is speed alone, since other loops give the same bits as the plain ones.
 */
export function installCodecLoops(loops: CodecLoops): void {
  current = loops;
}
