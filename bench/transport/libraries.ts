import { median, type BenchmarkContext, type Row } from '../benchmark.ts';
import { LARGEST_BYTES, type Carrier } from './link-end.ts';
import { connectEnds, startNodeEnd, type NodeLibrary, type RemoteEnd } from './node-end.ts';

const MB = 1e6;
const GB = 1e9;
const LIBRARIES = ['wrtc', 'node-datachannel'] as const;
const CARRIERS = ['raw', 'mux'] as const;
/** Tensors of `LARGEST_BYTES` between two looks at the processor time. */
const TENSORS = 3;

interface Pair {
  readonly library: NodeLibrary;
  readonly sender: RemoteEnd;
  readonly receiver: RemoteEnd;
}

interface Measured {
  readonly rate: number[];
  readonly cpu: number[];
}

/** The WebRTC libraries for Node in turns: goodput, and processor seconds of both processes per GB. */
export async function libraries({ quick, say }: BenchmarkContext): Promise<Row[]> {
  const pairs: Pair[] = LIBRARIES.map((library) => ({
    library,
    sender: startNodeEnd(library),
    receiver: startNodeEnd(library),
  }));
  const measured = new Map<string, Measured>();
  try {
    for (const { sender, receiver } of pairs) {
      await connectEnds(sender, receiver);
      for (const carrier of CARRIERS) await sender.transfer(carrier, LARGEST_BYTES, 1);
    }
    for (let round = 0; round < (quick ? 1 : 7); round++) {
      say(`libraries for Node, round ${round + 1}`);
      for (const pair of round % 2 === 0 ? pairs : pairs.toReversed()) {
        for (const carrier of CARRIERS) await measure(pair, carrier, measured);
      }
    }
  } finally {
    await Promise.all(pairs.flatMap(({ sender, receiver }) => [sender.close(), receiver.close()]));
  }
  return [...measured].flatMap(([name, { rate, cpu }]) => [
    { name: `${name}: goodput, 51 MB`, value: median(rate), unit: 'MB/s', goal: null },
    { name: `${name}: CPU of both sides`, value: median(cpu), unit: 's/GB', goal: null },
  ]);
}

async function measure({ library, sender, receiver }: Pair, carrier: Carrier, into: Map<string, Measured>) {
  const cpuSeconds = async (): Promise<number> => (await sender.cpuSeconds()) + (await receiver.cpuSeconds());
  const before = await cpuSeconds();
  const timeMs = await sender.transfer(carrier, LARGEST_BYTES, TENSORS);
  const after = await cpuSeconds();
  const name = `${library}, ${carrier === 'raw' ? 'raw data channel' : 'mux'}`;
  const values = into.get(name) ?? { rate: [], cpu: [] };
  into.set(name, values);
  values.rate.push((TENSORS * LARGEST_BYTES) / MB / (timeMs / 1000));
  values.cpu.push((after - before) / ((TENSORS * LARGEST_BYTES) / GB));
}
