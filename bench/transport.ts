import { median, type Benchmark, type BenchmarkContext, type Row } from './benchmark.ts';
import { LARGEST_BYTES } from './transport/link-end.ts';
import { startChromiumEnd } from './transport/chromium-end.ts';
import { libraries } from './transport/libraries.ts';
import { connectEnds, startNodeEnd, type RemoteEnd } from './transport/node-end.ts';
import { planBytes } from './transport/plan-bytes.ts';

const MB = 1e6;

/** Tensors as they travel: a tile's activation, a layer's, the largest of the presets. */
const SIZES = [
  { name: '1 MB', sizeBytes: 1_000_000, tensors: 48 },
  { name: '8 MB', sizeBytes: 8_000_000, tensors: 6 },
  { name: '51 MB', sizeBytes: LARGEST_BYTES, tensors: 1 },
] as const;

interface Goodput {
  readonly raw: number;
  readonly mux: number;
  readonly ratio: number;
}

/** Raw and mux in turns; MB/s, and the median of the ratios of neighbours. */
async function goodput(
  sender: RemoteEnd,
  { sizeBytes, tensors }: (typeof SIZES)[number],
  rounds: number,
): Promise<Goodput> {
  const raw: number[] = [];
  const mux: number[] = [];
  for (let round = 0; round < rounds; round++) {
    // Each goes first half of the time.
    const order = round % 2 === 0 ? (['raw', 'mux'] as const) : (['mux', 'raw'] as const);
    for (const carrier of order) {
      const timeMs = await sender.transfer(carrier, sizeBytes, tensors);
      (carrier === 'raw' ? raw : mux).push((tensors * sizeBytes) / MB / (timeMs / 1000));
    }
  }
  return {
    raw: median(raw),
    mux: median(mux),
    ratio: median(raw.map((rate, round) => mux[round]! / rate)),
  };
}

const percentile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(share * (values.length - 1))]!;

async function nodeToNode({ quick, say }: BenchmarkContext): Promise<Row[]> {
  const rounds = quick ? 3 : 15;
  const sender = startNodeEnd();
  const receiver = startNodeEnd();
  try {
    await connectEnds(sender, receiver);
    for (const carrier of ['raw', 'mux'] as const) await sender.transfer(carrier, LARGEST_BYTES, 1);
    const rows: Row[] = [];
    const ratios: number[] = [];
    for (const size of SIZES) {
      say(`Node–Node, tensors of ${size.name}`);
      const { raw, mux, ratio } = await goodput(sender, size, rounds);
      ratios.push(ratio);
      const name = `Node–Node, ${size.name}`;
      rows.push(
        { name: `${name}: raw data channel`, value: raw, unit: 'MB/s', goal: { atLeast: 75 } },
        { name: `${name}: mux`, value: mux, unit: 'MB/s', goal: null },
        { name: `${name}: mux over raw`, value: ratio, unit: '×', goal: { atLeast: 0.9 } },
      );
    }
    rows.push({
      name: 'Node–Node: mux over raw, median of the sizes',
      value: median(ratios),
      unit: '×',
      goal: { atLeast: 0.9 },
    });
    say('Node–Node, control round trips under bulk');
    const roundTrips = await sender.roundTrips(quick ? 3000 : 15_000);
    rows.push({
      name: 'Node–Node: control round trip under bulk, p95',
      value: percentile(roundTrips, 0.95),
      unit: 'ms',
      goal: { atMost: 15 },
    });
    return rows;
  } finally {
    await Promise.all([sender.close(), receiver.close()]);
  }
}

/** A page sends to a Node peer, and pings it meanwhile; goodput for information. */
async function chromiumToNode({ quick, say }: BenchmarkContext): Promise<Row[]> {
  say('Chromium–Node');
  const receiver = startNodeEnd();
  const sender = await startChromiumEnd();
  try {
    await connectEnds(sender, receiver);
    for (const carrier of ['raw', 'mux'] as const) await sender.transfer(carrier, LARGEST_BYTES, 1);
    const { raw, mux, ratio } = await goodput(sender, SIZES[1], quick ? 1 : 7);
    const roundTrips = await sender.roundTrips(quick ? 3000 : 15_000);
    const name = 'Chromium–Node, 8 MB';
    return [
      { name: `${name}: raw data channel`, value: raw, unit: 'MB/s', goal: null },
      { name: `${name}: mux`, value: mux, unit: 'MB/s', goal: null },
      { name: `${name}: mux over raw`, value: ratio, unit: '×', goal: null },
      {
        name: 'Chromium–Node: control round trip under bulk, p95',
        value: percentile(roundTrips, 0.95),
        unit: 'ms',
        goal: { atMost: 25 },
      },
    ];
  } finally {
    await Promise.all([sender.close(), receiver.close()]);
  }
}

export const transport: Benchmark = {
  summary:
    'goodput of tensors over WebRTC against a raw data channel, control latency under bulk, bytes of a plan',
  async run(context) {
    return [
      ...(await nodeToNode(context)),
      ...(await chromiumToNode(context)),
      ...(await libraries(context)),
      ...(await planBytes(context)),
    ];
  },
};
