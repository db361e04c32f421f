import { boxSize, type Box } from '../graph/box.ts';
import { PeerceptronError } from '../shared/errors.ts';

/** @throws ENGINE_FAILED unless there is one buffer per entry, each as long as its box. */
export function checkBuffers<T extends { readonly box: Box }>(
  what: 'weight' | 'input',
  buffers: readonly Float32Array[],
  entries: readonly T[],
  nameOf: (entry: T) => string,
): void {
  if (buffers.length !== entries.length) {
    throw engineFailed(`the tile takes ${entries.length} ${what} buffers, not ${buffers.length}`);
  }
  for (const [index, entry] of entries.entries()) {
    const expected = boxSize(entry.box);
    if (buffers[index]!.length !== expected) {
      throw engineFailed(
        `the ${what} buffer of ${nameOf(entry)} has ${buffers[index]!.length} elements, not ${expected}`,
      );
    }
  }
}

export const engineFailed = (message: string): PeerceptronError =>
  new PeerceptronError('ENGINE_FAILED', message);
