import { PeerceptronError, toPeerceptronError } from '../shared/errors.ts';
import { originBlocks, type BlockReader } from '../weights/block-reader.ts';
import { blockSource } from '../weights/block-source.ts';
import { readAll, type ByteSource } from '../weights/byte-source.ts';
import { LAYOUT_LIMIT_BYTES, parseLayout, type WeightsLayout } from '../weights/layout.ts';
import { safetensorsSource } from '../weights/safetensors.ts';
import { sha256Hex } from '../weights/sha256.ts';
import type { WeightSource } from '../weights/weight-source.ts';
import type { GraphFile } from './graph-file.ts';
import { locationOf } from './location.ts';

/** Weights in our own layout, as others may fetch them: the layout, and where copies of the file are. */
export interface StoredWeights {
  readonly layout: WeightsLayout;
  /** Of the layout file: whoever knows it can take layout and blocks from anyone. */
  readonly sha256: string;
  /** The layout file itself, to hand on. */
  readonly layoutFile: Uint8Array;
  /** Paths or URLs of the weights file, in the order in which they are asked. */
  readonly locations: readonly string[];
  /** Blocks of it, from the first copy that gives a sound one. */
  readonly reader: BlockReader;
}

export interface OpenWeightsOptions {
  readonly open: (location: string) => ByteSource;
  readonly mirrors?: readonly string[];
  readonly onSetAside?: (source: string, reason: PeerceptronError) => void;
  readonly signal?: AbortSignal;
}

/**
 * The weights that a graph file at `location` names: in our own layout, block by block from the first copy that gives a sound
 * one, or as plain safetensors.
 * @throws WEIGHTS_CORRUPT, WEIGHTS_UNAVAILABLE
 */
export async function openGraphWeights(
  file: GraphFile,
  location: string,
  options: OpenWeightsOptions,
): Promise<{ readonly weights: WeightSource; readonly stored?: StoredWeights }> {
  const { open, signal, mirrors = [], onSetAside } = options;
  if (!file.layout)
    return { weights: await safetensorsSource(open(locationOf(location, file.weights)), signal) };
  const places = [location, ...mirrors.map(graphFileIn)];
  const { sha256 } = file.layout;
  const layoutPath = file.layout.file;
  const layoutFile = await firstSound(
    places.map((place) => open(locationOf(place, layoutPath))),
    sha256,
    signal,
  );
  const layout = await parseLayout(layoutFile, locationOf(location, layoutPath));
  const locations = places.map((place) => locationOf(place, file.weights));
  const reader = originBlocks(locations.map(open), onSetAside ? { onSetAside } : {});
  return { weights: blockSource(layout, reader), stored: { layout, sha256, layoutFile, locations, reader } };
}

const graphFileIn = (place: string): string =>
  /\.json$/i.test(place) ? place : `${place.endsWith('/') ? place : `${place}/`}graph.json`;

/** The layout file, from the first copy that has the right hash. */
async function firstSound(
  copies: readonly ByteSource[],
  sha256: string,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const reasons: PeerceptronError[] = [];
  for (const copy of copies) {
    try {
      const bytes = await readAll(copy, LAYOUT_LIMIT_BYTES, 'WEIGHTS_CORRUPT', signal);
      if ((await sha256Hex(bytes)) === sha256) return bytes;
      throw new PeerceptronError(
        'WEIGHTS_CORRUPT',
        `${copy.name} is not the layout that the model names (its SHA-256 differs): download it again, or import the model again`,
        { details: { source: copy.name } },
      );
    } catch (thrown) {
      signal?.throwIfAborted();
      reasons.push(toPeerceptronError(thrown));
    }
  }
  if (reasons.length === 1) throw reasons[0]!;
  throw new PeerceptronError(
    reasons.some(({ code }) => code === 'WEIGHTS_CORRUPT') ? 'WEIGHTS_CORRUPT' : 'WEIGHTS_UNAVAILABLE',
    `none of ${copies.length} copies of the weights' layout is sound:\n- ${reasons.map(({ message }) => message).join('\n- ')}`,
    { details: { sources: copies.map(({ name }) => name) } },
  );
}
