import { boxSize, fullBox, type Box } from '../graph/box.ts';
import type { TransportProfile } from '../planner/profile.ts';
import { encodeF32Piece } from '../protocol/codec/encode-piece.ts';
import type { PieceMeta } from '../protocol/messages.ts';
import type { Clock } from '../shared/clock.ts';
import { asPeerId, asSessionId } from '../shared/ids.ts';
import { lowerQuartile } from '../shared/median.ts';
import { SpareBuffers } from '../shared/spare-buffers.ts';
import type { PeerChannel } from '../transport/channel.ts';
import { createMemoryPair } from '../transport/memory-pair.ts';
import { createChannel } from '../transport/mux.ts';
import { BoxAssembly } from './assembly.ts';

export interface MeasureTransportOptions {
  readonly clock: Clock;
  /** What the device's network carries at most, where the platform says; the default is a gigabit. */
  readonly networkBytesPerMs?: number;
  readonly budgetMs?: number;
}

const DEFAULT_BUDGET_MS = 150;
const FEWEST_TURNS = 30;
/** Less is what other programs and garbage take. */
const QUOTA_SLOWDOWN = 2;
const GIGABIT_BYTES_PER_MS = 125_000;

/** `[rows, columns, channels]`; a band of rows is one run of memory, a slice of channels is not: most pieces are bands. */
const SMALL: Box = fullBox([1, 4, 16]);
const LARGE: Box = fullBox([64, 32, 64]);
/** Short enough that most are over before a scheduler takes the processor away. */
const SMALL_AT_ONCE = 6;

/**
 * A connection does more than what can be measured without one: encryption, SCTP, and the way between the program and the
 * browser's or the library's network thread. All of it is work for the same processor, so it is taken in proportion:
 * over WebRTC on one x86-64 core a piece costs 0.15 ms at either end and a gigabyte 9 s of processor time for both,
 * where this measurement finds 0.019 ms at either end and 0.5 s.
 */
const PIECE_OVER_MEMORY = 8;
const BYTES_OVER_MEMORY = 18;

/** What moving tensors costs this thread: pieces through encoding, channel and assembly, over a link in memory. */
export async function measureTransport({
  clock,
  networkBytesPerMs = GIGABIT_BYTES_PER_MS,
  budgetMs = DEFAULT_BUDGET_MS,
}: MeasureTransportOptions): Promise<TransportProfile> {
  const path = openPath();
  try {
    const small: number[] = [];
    const large: number[] = [];
    const startedAt = clock.now();
    // The first turns teach the compiler what to do.
    do {
      let since = clock.now();
      for (let i = 0; i < SMALL_AT_ONCE; i++) await path.move(SMALL);
      small.push((clock.now() - since) / SMALL_AT_ONCE);
      since = clock.now();
      await path.move(LARGE);
      large.push(clock.now() - since);
    } while (large.length < FEWEST_TURNS || (clock.now() - startedAt < budgetMs && large.length < 200));
    const perPieceMs = inTheLongRun(small);
    const perByteMs = Math.max(inTheLongRun(large) - perPieceMs, 0) / (4 * boxSize(LARGE));
    // Both ends are this thread; a clock that is too coarse must not make bytes free.
    const msPerByte = Math.max((perByteMs / 2) * BYTES_OVER_MEMORY, 1e-8);
    return {
      pieceMs: (perPieceMs / 2) * PIECE_OVER_MEMORY,
      sendMsPerByte: msPerByte,
      receiveMsPerByte: msPerByte,
      uplinkBytesPerMs: networkBytesPerMs,
      downlinkBytesPerMs: networkBytesPerMs,
    };
  } finally {
    path.close();
  }
}

/** A turn that nothing held up; under a quota of the processor, which holds up every few turns, their mean. */
function inTheLongRun(times: readonly number[]): number {
  const later = times.slice(Math.floor((times.length * 2) / 3));
  const quick = lowerQuartile(later);
  const mean = later.reduce((sum, ms) => sum + ms, 0) / later.length;
  return mean < QUOTA_SLOWDOWN * quick ? quick : mean;
}

function openPath(): { move(box: Box): Promise<void>; close(): void } {
  const [near, far] = [asPeerId('0'.repeat(32)), asPeerId('0'.repeat(31) + '1')];
  const { a, b } = createMemoryPair();
  const sending: PeerChannel = createChannel({ link: a, peer: far });
  const receiving: PeerChannel = createChannel({ link: b, peer: near });
  let arrived: () => void = () => undefined;
  let assembly: BoxAssembly | undefined;
  const spare = new SpareBuffers(4 * boxSize(LARGE));
  receiving.onControl = () => undefined;
  receiving.onStream = () => ({
    ...assembly!.place(0, 'f32'),
    done: () => {
      assembly!.arrived(0);
      arrived();
    },
    failed: () => arrived(),
  });
  const meta: PieceMeta = {
    kind: 'piece',
    session: asSessionId('0'.repeat(32)),
    epoch: 0,
    frame: 0,
    lanes: [0],
    segment: 0,
    tile: 0,
    input: 0,
    piece: 0,
    codec: 'f32',
  };
  const tensors = new Map<Box, Float32Array>();
  return {
    async move(box) {
      const values = tensors.get(box) ?? new Float32Array(boxSize(box)).fill(0.5);
      tensors.set(box, values);
      // In the memory of the one before, as those of frames.
      if (assembly) spare.give([assembly.buffer]);
      const piece = { segment: 0, tile: 0, region: box, combine: 'copy', codec: 'f32' } as const;
      assembly = new BoxAssembly(box, [piece], spare);
      const done = new Promise<void>((resolve) => (arrived = resolve));
      await sending.sendStream(meta, encodeF32Piece(values, box, box), { priority: 'activation' });
      await done;
    },
    close() {
      sending.close();
      receiving.close();
    },
  };
}
