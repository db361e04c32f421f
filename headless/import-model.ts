import { mkdir, open, readdir, rename, rm, rmdir, statfs, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { serializeGraphFile } from '../src/import/graph-file.ts';
import type { LoadedModel } from '../src/import/load-model.ts';
import { planWeightsFile, writeWeights, type WeightsSink } from '../src/import/write-weights.ts';
import { weightShapes } from '../src/graph/shapes.ts';
import { PeerceptronError } from '../src/shared/errors.ts';
import { sha256Hex } from '../src/weights/sha256.ts';
import { formatBytes } from './terminal.ts';

export interface ImportOptions {
  /** Made where it does not exist. */
  readonly dir: string;
  /** Replaces a model that is there. */
  readonly force?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (writtenBytes: number, totalBytes: number) => void;
}

export interface ImportedModel {
  /** The graph file; the others lie beside it. */
  readonly graphFile: string;
  readonly weightsBytes: number;
  readonly tensors: number;
  /** Of the layout file: it vouches for every byte of the weights. */
  readonly layoutSha256: string;
}

export const GRAPH_FILE = 'graph.json';
const WEIGHTS_FILE = 'weights.safetensors';
const LAYOUT_FILE = 'weights.layout.json';

/**
 * Writes a model as a graph file, weights in our own layout, and the layout. Everything is written under temporary
 * names and renamed when it is complete, the graph file last: what has a graph file is whole. A failure takes away what
 * it began. Memory stays at some tens of megabytes, whatever the size of the model.
 * @throws OUTPUT_UNWRITABLE (a full disk, a folder that cannot be written, a model that is there already), and what reading the
 * weights throws
 */
export async function writeModel(model: LoadedModel, options: ImportOptions): Promise<ImportedModel> {
  const { dir, signal, onProgress } = options;
  const { graph, weights } = model;
  const needed = weightShapes(graph);
  const source = {
    ...weights,
    tensors: new Map(
      [...needed].map(([name, shape]) => [name, { ...weights.tensors.get(name), name, shape }]),
    ),
  };
  const plan = planWeightsFile(source.tensors.values(), { format: 'peerceptron', model: graph.name });
  const made = await madeFolder(dir);
  const suffix = `.${process.pid}.part`;
  const partOf = (file: string): string => join(dir, `.${file}${suffix}`);
  const files = [WEIGHTS_FILE, LAYOUT_FILE, GRAPH_FILE];
  try {
    if (!options.force && (await readdir(dir)).includes(GRAPH_FILE)) {
      throw new PeerceptronError(
        'OUTPUT_UNWRITABLE',
        `there is a model in ${dir} already: choose another folder, or replace it with --force`,
      );
    }
    await checkSpace(dir, plan.sizeBytes);
    const layoutText = await writing(partOf(WEIGHTS_FILE), (sink) =>
      writeWeights(plan, source, sink, {
        signal,
        onProgress: (written) => onProgress?.(written, plan.sizeBytes),
      }),
    );
    const layoutBytes = new TextEncoder().encode(layoutText);
    const sha256 = await sha256Hex(layoutBytes);
    await writing(partOf(LAYOUT_FILE), (sink) => sink.write(0, layoutBytes));
    const graphText = serializeGraphFile({
      graph,
      weights: WEIGHTS_FILE,
      layout: { file: LAYOUT_FILE, sha256 },
    });
    await writing(partOf(GRAPH_FILE), (sink) => sink.write(0, new TextEncoder().encode(graphText)));
    signal?.throwIfAborted();
    // While files of two models stand side by side there is no graph file: what is replaced is gone rather than mixed.
    if (options.force) await rm(join(dir, GRAPH_FILE), { force: true }).catch(unwritable(dir));
    for (const file of files) await rename(partOf(file), join(dir, file)).catch(unwritable(dir));
    return {
      graphFile: join(dir, GRAPH_FILE),
      weightsBytes: plan.sizeBytes,
      tensors: plan.tensors.length,
      layoutSha256: sha256,
    };
  } catch (error) {
    for (const file of files) await rm(partOf(file), { force: true }).catch(() => undefined);
    // Only when it is empty: somebody else may have put something there meanwhile.
    for (const folder of made) await rmdir(folder).catch(() => undefined);
    throw error;
  }
}

/** The folders that had to be made, the innermost first. */
async function madeFolder(dir: string): Promise<string[]> {
  const first = await mkdir(dir, { recursive: true }).catch(unwritable(dir));
  if (first === undefined) return [];
  const made: string[] = [];
  for (let folder = dir; folder.length >= first.length; folder = join(folder, '..')) made.push(folder);
  return made;
}

/** Better said before half an hour of copying than after. File systems that do not tell are tried. */
async function checkSpace(dir: string, sizeBytes: number): Promise<void> {
  const stats = await statfs(dir).catch(() => undefined);
  if (!stats || stats.blocks === 0) return;
  const free = stats.bavail * stats.bsize;
  if (free >= sizeBytes) return;
  throw new PeerceptronError(
    'OUTPUT_UNWRITABLE',
    `the weights take ${formatBytes(sizeBytes)}, and the disk of ${dir} has ${formatBytes(free)} left: make room, or choose a folder on another disk`,
    { details: { path: dir, sizeBytes, freeBytes: free } },
  );
}

/** A new file, flushed to the disk before it is closed. */
async function writing<T>(path: string, use: (sink: WeightsSink) => Promise<T>): Promise<T> {
  let handle: FileHandle;
  try {
    handle = await open(path, 'w');
  } catch (cause) {
    return unwritable(path)(cause);
  }
  try {
    const result = await use({
      write: async (offsetBytes, bytes) => {
        for (let done = 0; done < bytes.length;) {
          const { bytesWritten } = await handle
            .write(bytes, done, bytes.length - done, offsetBytes + done)
            .catch(unwritable(path));
          done += bytesWritten;
        }
      },
    });
    await handle.sync().catch(unwritable(path));
    return result;
  } finally {
    await handle.close();
  }
}

function unwritable(path: string): (cause: unknown) => never {
  return (cause) => {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    const reasons: Readonly<Record<string, string>> = {
      ENOSPC: 'the disk is full: make room, or choose a folder on another disk',
      EDQUOT: 'your quota of the disk is used up: make room, or choose a folder on another disk',
      EACCES: 'permission denied: choose a folder that you may write to',
      EPERM: 'permission denied: choose a folder that you may write to',
      EROFS: 'the disk is read-only: choose a folder on another one',
      ENOTDIR: 'a part of the path is a file, not a folder: choose another folder',
      EEXIST: 'there is a file of that name: choose another folder',
      EFBIG: 'the file system does not take files of that size: choose a folder on another disk',
    };
    const reason = reasons[code] ?? (cause instanceof Error ? cause.message : String(cause));
    throw new PeerceptronError('OUTPUT_UNWRITABLE', `cannot write ${path}: ${reason}`, {
      cause,
      details: { path, reason: code },
    });
  };
}
