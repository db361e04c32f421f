import * as v from 'valibot';
import { boxSize, formatShape, fullBox, shapeSize, type Shape } from '../graph/box.ts';
import { PeerceptronError } from '../shared/errors.ts';
import { panelCount, panelsOf, type PanelGrid } from './panel-grid.ts';
import { sha256Hex } from './sha256.ts';

/**
 * The layout of a weights file of our own: which tensors it holds, in which panels (`panel-grid.ts`), and the SHA-256 of every
 * block. A block is at most 256 KiB of one panel; each panel starts a new one, so that a slice that is made of whole panels
 * is made of whole blocks. Tensors, panels and blocks follow one another in the file without gaps.
 *
 * Whoever knows the SHA-256 of the layout file (it stands in `graph.json`) can take the layout from anyone, and then any
 * block from anyone: a block's hash says both what it is and whether it is sound. `docs/models.md` specifies the files.
 */
export interface WeightsLayout {
  readonly tensors: ReadonlyMap<string, LaidOutTensor>;
  /** Of the whole file, in its order; a block's `index` is its place here. */
  readonly blocks: readonly WeightBlock[];
  /** Of the weights file: header, then blocks. */
  readonly sizeBytes: number;
}

export interface LaidOutTensor {
  readonly name: string;
  /** As it is served; the file holds it panel by panel. */
  readonly shape: Shape;
  readonly grid: PanelGrid;
  /** Of panel `i`: its first block; one entry more than there are panels. */
  readonly panelBlocks: readonly number[];
}

export interface WeightBlock {
  readonly index: number;
  /** The tensor that it is a part of. */
  readonly tensor: string;
  /** From the start of the weights file. */
  readonly offsetBytes: number;
  /** At most `BLOCK_BYTES`; a multiple of 4. */
  readonly lengthBytes: number;
  /** Lower-case hex: also the block's name, in caches and between peers. */
  readonly sha256: string;
}

export const BLOCK_BYTES = 256 * 1024;
export const LAYOUT_FORMAT = 'peerceptron-weights';
/** Of a layout file: some forty gigabytes of weights. */
export const LAYOUT_LIMIT_BYTES = 16 * 1024 * 1024;
const HASH_DIGITS = 64;

/** What a layout file says of a tensor. */
export interface LayoutEntry {
  readonly name: string;
  readonly shape: Shape;
  readonly grid: PanelGrid;
  /** The hashes of its blocks, one after another, 64 hex digits each. */
  readonly sha256: string;
}

const MAX_EXTENT = 2 ** 31;
const extents = (minimum: number) =>
  v.pipe(
    v.array(v.pipe(v.number(), v.safeInteger(), v.minValue(minimum), v.maxValue(MAX_EXTENT))),
    v.maxLength(8),
  );
const layoutSchema = v.strictObject({
  format: v.literal(LAYOUT_FORMAT),
  version: v.literal(1),
  headerBytes: v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(100_000_008)),
  blockBytes: v.literal(BLOCK_BYTES),
  tensors: v.pipe(
    v.array(
      v.strictObject({
        name: v.pipe(v.string(), v.minLength(1), v.maxLength(1000)),
        shape: extents(0),
        grid: extents(1),
        sha256: v.string(),
      }),
    ),
    v.maxLength(100_000),
  ),
});

export interface LayoutFile {
  /** Where the first block begins. */
  readonly headerBytes: number;
  readonly tensors: readonly LayoutEntry[];
}

export const serializeLayout = ({ headerBytes, tensors }: LayoutFile): string =>
  `${JSON.stringify({ format: LAYOUT_FORMAT, version: 1, headerBytes, blockBytes: BLOCK_BYTES, tensors }, null, 1)}\n`;

/** Bytes of the blocks of a tensor, in the order of the file. */
export function* blockLengths(shape: Shape, grid: PanelGrid): Generator<number> {
  for (const { box } of panelsOf(shape, grid, fullBox(shape))) {
    for (let left = boxSize(box) * 4; left > 0; left -= BLOCK_BYTES) yield Math.min(left, BLOCK_BYTES);
  }
}

/**
 * Parses the bytes of a layout file; with `sha256`, only after they have proven to be those that are meant. What it
 * allocates is bounded by the size of the file.
 * @throws WEIGHTS_CORRUPT, naming `name` (a path or URL)
 */
export async function parseLayout(bytes: Uint8Array, name: string, sha256?: string): Promise<WeightsLayout> {
  const corrupt = (what: string): PeerceptronError =>
    new PeerceptronError(
      'WEIGHTS_CORRUPT',
      `${name} is not a sound weights layout: ${what}; download it again, or import the model again`,
      { details: { source: name } },
    );
  if (sha256 !== undefined && (await sha256Hex(bytes)) !== sha256) {
    throw corrupt('its SHA-256 is not the one that the model states');
  }
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw corrupt('it is not JSON');
  }
  const parsed = v.safeParse(layoutSchema, json);
  if (!parsed.success) {
    const issue = parsed.issues[0];
    throw corrupt(`${v.getDotPath(issue) ?? 'it'}: ${issue.message}`);
  }
  const { headerBytes, tensors: entries } = parsed.output;
  const tensors = new Map<string, LaidOutTensor>();
  const blocks: WeightBlock[] = [];
  let offsetBytes = headerBytes;
  for (const entry of entries) {
    const { name: tensor, shape, grid } = entry;
    if (tensors.has(tensor)) throw corrupt(`two tensors are named '${tensor}'`);
    const problem = entryProblem(entry);
    if (problem !== undefined) throw corrupt(`tensor '${tensor}' ${problem}`);
    const panelBlocks = [blocks.length];
    let hash = 0;
    for (const { box } of panelsOf(shape, grid, fullBox(shape))) {
      for (let left = boxSize(box) * 4; left > 0; left -= BLOCK_BYTES) {
        const lengthBytes = Math.min(left, BLOCK_BYTES);
        blocks.push({
          index: blocks.length,
          tensor,
          offsetBytes,
          lengthBytes,
          sha256: entry.sha256.slice(hash, hash + HASH_DIGITS),
        });
        offsetBytes += lengthBytes;
        hash += HASH_DIGITS;
        if (hash > entry.sha256.length) throw corrupt(`tensor '${tensor}' has too few hashes`);
      }
      panelBlocks.push(blocks.length);
    }
    if (hash !== entry.sha256.length) throw corrupt(`tensor '${tensor}' has more hashes than blocks`);
    tensors.set(tensor, { name: tensor, shape, grid, panelBlocks });
  }
  if (!Number.isSafeInteger(offsetBytes)) throw corrupt('it is larger than any file');
  return { tensors, blocks, sizeBytes: offsetBytes };
}

/** Found before anything is made of it: the number of panels and of blocks is bounded by the hashes that are there. */
function entryProblem({ shape, grid, sha256 }: LayoutEntry): string | undefined {
  if (grid.length !== shape.length) return 'has a grid of another rank than its shape';
  if (grid.some((parts, axis) => parts > Math.max(1, shape[axis]!))) return 'has more panels than elements';
  if (sha256.length % HASH_DIGITS !== 0 || /[^0-9a-f]/.test(sha256))
    return 'has hashes that are no SHA-256 in lower-case hex';
  const size = shapeSize(shape);
  if (!Number.isSafeInteger(size * 4)) return `of shape ${formatShape(shape)} is larger than any file`;
  const hashes = sha256.length / HASH_DIGITS;
  if (size > 0 && panelCount(grid) > hashes) return 'has fewer hashes than panels';
  if (size * 4 > hashes * BLOCK_BYTES) return 'has fewer hashes than its blocks need';
  return undefined;
}
