import { PeerceptronError, toPeerceptronError } from '../shared/errors.ts';
import { streamOf, type ByteSource } from './byte-source.ts';
import type { WeightBlock } from './layout.ts';
import { inParallel, withTensor } from './parallel.ts';
import { sha256Hex } from './sha256.ts';

/**
 * Port: where the blocks of a weights file come from (a server, a disk, a cache, other peers), each checked against its hash
 * before it is handed out.
 */
export interface BlockReader {
  /**
   * Hands each of `blocks` (ascending by index, none twice) to `take` once, in any order, with its verified bytes. The
   * bytes are `take`'s only until it returns: it copies what it needs. Memory beside them stays at a few blocks.
   * @throws WEIGHTS_CORRUPT or WEIGHTS_UNAVAILABLE, naming tensor, block and source; or the signal's reason
   */
  read(
    blocks: readonly WeightBlock[],
    take: (block: WeightBlock, bytes: Uint8Array) => void,
    signal?: AbortSignal,
  ): Promise<void>;
}

/** One request: a break costs at most as much, and several of them share a fast connection. */
const RUN_BYTES = 8 * 1024 * 1024;
const RUNS_IN_FLIGHT = 3;

export interface OriginBlocksOptions {
  /** Told once for each source that is given up while there are others, with the reason. */
  readonly onSetAside?: (source: string, reason: PeerceptronError) => void;
}

/**
 * Blocks from copies of the weights file: `sources` are asked in their order. One that sends a wrong block, ends early or
 * cannot be reached is set aside, and the next one goes on at the block where it failed; where none is left, the error lists
 * them all. Neighbouring blocks are one read.
 */
export function originBlocks(
  sources: readonly ByteSource[],
  { onSetAside }: OriginBlocksOptions = {},
): BlockReader {
  const setAside = new Map<ByteSource, PeerceptronError>();
  const told = new Set<ByteSource>();
  return {
    async read(blocks, take, signal) {
      signal?.throwIfAborted();
      // With none left, all get another chance: who was out of reach may be back, and of a damaged file parts are sound.
      if (setAside.size === sources.length) setAside.clear();
      const runs = runsOfBlocks(blocks);
      await inParallel(RUNS_IN_FLIGHT, signal, async (stop) => {
        const next = runs.next();
        if (next.done) return false;
        await readRun(next.value, stop);
        return true;
      });

      async function readRun(run: readonly WeightBlock[], stop: AbortSignal): Promise<void> {
        let rest = run;
        for (;;) {
          const source = sources.find((candidate) => !setAside.has(candidate));
          if (!source) throw noneLeft(rest[0]!, setAside);
          try {
            for await (const [block, bytes] of verified(source, rest, stop)) {
              take(block, bytes);
              rest = rest.slice(1);
            }
            return;
          } catch (thrown) {
            stop.throwIfAborted();
            const reason = toPeerceptronError(thrown);
            if (reason.code !== 'WEIGHTS_CORRUPT' && reason.code !== 'WEIGHTS_UNAVAILABLE') throw thrown;
            if (setAside.has(source)) continue;
            setAside.set(source, reason);
            // Of the only one the error tells.
            if (told.has(source) || sources.length === 1) continue;
            told.add(source);
            onSetAside?.(source.name, reason);
          }
        }
      }
    },
  };
}

/** Neighbours together, up to the size of a request. */
function* runsOfBlocks(blocks: readonly WeightBlock[]): Generator<readonly WeightBlock[], undefined> {
  let run: WeightBlock[] = [];
  let bytes = 0;
  for (const block of blocks) {
    const before = run.at(-1);
    if (before && (block.index !== before.index + 1 || bytes + block.lengthBytes > RUN_BYTES)) {
      yield run;
      run = [];
      bytes = 0;
    }
    run.push(block);
    bytes += block.lengthBytes;
  }
  if (run.length > 0) yield run;
}

/** Consecutive blocks from one source, as they arrive. */
async function* verified(
  source: ByteSource,
  run: readonly WeightBlock[],
  signal: AbortSignal,
): AsyncGenerator<readonly [WeightBlock, Uint8Array]> {
  const lengthBytes = run.reduce((sum, block) => sum + block.lengthBytes, 0);
  const buffer = new Uint8Array(Math.max(...run.map((block) => block.lengthBytes)));
  let at = 0;
  let filled = 0;
  for await (const chunk of streamOf(source, run[0]!.offsetBytes, lengthBytes, signal)) {
    for (let used = 0; used < chunk.length && at < run.length;) {
      const block = run[at]!;
      const part = chunk.subarray(used, used + block.lengthBytes - filled);
      used += part.length;
      // A block that lies in one chunk needs no copy.
      if (part.length < block.lengthBytes) buffer.set(part, filled);
      filled += part.length;
      if (filled < block.lengthBytes) break;
      const bytes = part.length === block.lengthBytes ? part : buffer.subarray(0, filled);
      await verifyBlock(block, bytes, source.name);
      signal.throwIfAborted();
      yield [block, bytes];
      at += 1;
      filled = 0;
    }
  }
  if (at < run.length) {
    throw corruptBlock(run[at]!, source.name, `${source.name} ends inside it: it was not copied whole`);
  }
}

/** @throws WEIGHTS_CORRUPT, naming tensor, block and source, unless the bytes are the block's. */
export async function verifyBlock(block: WeightBlock, bytes: Uint8Array, source: string): Promise<void> {
  const found = bytes.length === block.lengthBytes ? await sha256Hex(bytes) : '';
  if (found === block.sha256) return;
  throw corruptBlock(block, source, `what ${source} holds there is damaged (its SHA-256 differs)`);
}

const corruptBlock = (block: WeightBlock, source: string, what: string): PeerceptronError =>
  new PeerceptronError(
    'WEIGHTS_CORRUPT',
    `weight tensor '${block.tensor}', block ${block.index} (bytes ${block.offsetBytes}–${block.offsetBytes + block.lengthBytes - 1}): ${what}; download the weights again or name another copy`,
    { details: { tensor: block.tensor, block: block.index, source } },
  );

function noneLeft(
  { tensor, index }: WeightBlock,
  setAside: ReadonlyMap<ByteSource, PeerceptronError>,
): PeerceptronError {
  const reasons = [...setAside.values()];
  if (reasons.length === 1) return withTensor(reasons[0]!, tensor);
  const code = reasons.some((reason) => reason.code === 'WEIGHTS_CORRUPT')
    ? 'WEIGHTS_CORRUPT'
    : 'WEIGHTS_UNAVAILABLE';
  const list = [...setAside].map(([source, reason]) => `${source.name}: ${reason.code}, ${reason.message}`);
  return new PeerceptronError(
    code,
    reasons.length === 0
      ? `weight tensor '${tensor}': nobody has been named who has it`
      : `weight tensor '${tensor}', block ${index}: none of ${reasons.length} copies gives it:\n- ${list.join('\n- ')}`,
    { details: { tensor, block: index, sources: [...setAside.keys()].map(({ name }) => name) } },
  );
}
