import { PeerceptronError } from '../shared/errors.ts';
import type { H5File } from './h5.ts';
import { readH5, SIGNATURE_LIMIT_BYTES } from './h5-tensors.ts';

/** The library wants a file in its memory, beside what the page holds otherwise. */
const MOST_BYTES = 700e6;

interface MemoryFiles {
  /** `canOwn`: the bytes are taken as they are, without a copy. */
  writeFile(path: string, bytes: Uint8Array, options: { readonly canOwn: boolean }): void;
  unlink(path: string): void;
}

/** One at a time: the file that was opened last. */
let held: string | undefined;
let opened = 0;

/**
 * Opens an .h5 file that somebody chose in a page, with h5wasm, which is loaded now. The file is read into memory once, and
 * stays there until the next one is opened: then what was read of it before cannot be read again.
 * @throws WEIGHTS_CORRUPT, MODEL_UNSUPPORTED (too large), WEIGHTS_UNAVAILABLE
 */
export async function openH5Blob(blob: Blob, name: string): Promise<H5File> {
  if (blob.size > MOST_BYTES) {
    throw new PeerceptronError(
      'MODEL_UNSUPPORTED',
      `${name} is too large for a page to read as .h5: import it once (peerceptron import ${name}), and serve the folder`,
    );
  }
  const bytes = await bytesOf(blob, name);
  const library = await import('h5wasm');
  const { FS } = (await library.ready) as unknown as { readonly FS: MemoryFiles };
  if (held !== undefined) FS.unlink(held);
  held = undefined;
  const path = `/opened-${++opened}.h5`;
  FS.writeFile(path, bytes, { canOwn: true });
  held = path;
  return readH5(name, bytes.subarray(0, SIGNATURE_LIMIT_BYTES), path, async () => library);
}

async function bytesOf(blob: Blob, name: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await blob.arrayBuffer());
  } catch (cause) {
    throw new PeerceptronError('WEIGHTS_UNAVAILABLE', `${name} cannot be read: choose the file again`, {
      cause,
    });
  }
}
