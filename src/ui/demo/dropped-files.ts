import { PeerceptronError } from '../../shared/errors.ts';
import type { OpenBytes } from '../../import/load-model.ts';
import type { ByteSource } from '../../weights/byte-source.ts';
import { isH5Location } from '../../weights/h5.ts';

/** A file of this device: read where it lies, the asked bytes only. */
export function blobBytes(blob: Blob, name: string): ByteSource {
  return {
    name,
    size: async () => blob.size,
    read: async (offsetBytes, lengthBytes, signal) => {
      signal?.throwIfAborted();
      const part = blob.slice(offsetBytes, offsetBytes + lengthBytes);
      try {
        return new Uint8Array(await part.arrayBuffer());
      } catch (cause) {
        // Files that are changed or moved after they were chosen cannot be read any more.
        throw new PeerceptronError('WEIGHTS_UNAVAILABLE', `${name} cannot be read: choose the file again`, {
          cause,
          details: { path: name },
        });
      }
    },
  };
}

export interface DroppedModel {
  /** The file that a model is loaded by. */
  readonly main: File;
  readonly open: OpenBytes;
}

/**
 * A model among files that were dropped together: its `graph.json`, `model.json` or .h5, and what that names.
 * @throws MODEL_NOT_FOUND where there is none among them
 */
export function droppedModel(files: readonly File[]): DroppedModel {
  const main =
    files.find(({ name }) => name === 'graph.json') ??
    files.find(({ name }) => name === 'model.json') ??
    files.find(({ name }) => isH5Location(name)) ??
    files.find(({ name }) => /\.json$/i.test(name) && !isBeside(name));
  if (!main) {
    const names = files.map(({ name }) => name).join(', ');
    throw new PeerceptronError(
      'MODEL_NOT_FOUND',
      `no model among ${names}: choose a graph.json or model.json with its weights files, or a .h5`,
    );
  }
  return { main, open: openAmong(files) };
}

const isBeside = (name: string): boolean => name === 'metadata.json' || name === 'labels.json';

/** Files by their names; those of a folder below the model's are found by the last part. */
export function openAmong(files: readonly File[]): OpenBytes {
  const byName = new Map(files.map((file) => [file.name, file]));
  return (location) => {
    const file = byName.get(decodedName(location));
    return file ? blobBytes(file, file.name) : absent(location);
  };
}

function decodedName(location: string): string {
  const name = location.split('/').at(-1)!;
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

function absent(location: string): ByteSource {
  const refuse = (): Promise<never> =>
    Promise.reject(
      new PeerceptronError(
        'WEIGHTS_UNAVAILABLE',
        `${location} is not among the files: choose it together with the others`,
        { details: { path: location, reason: 'ENOENT' } },
      ),
    );
  return { name: location, size: refuse, read: refuse };
}
