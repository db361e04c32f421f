import { shapeSize } from '../../src/graph/box.ts';
import { NETWORKS } from '../../src/models/presets.ts';
import { planBuilder } from '../../src/planner/plan-builder.ts';
import { whole } from '../../src/planner/splits.ts';
import { seededRandom } from '../../src/shared/random.ts';
import { median, type BenchmarkContext, type Goal, type Row } from '../benchmark.ts';
import { openLocalPeers, type LocalPeers } from './local-peers.ts';
import { mobilenet, seededNetwork, type Network } from './networks.ts';
import { plainModel } from './plain-model.ts';
import { relativeDifference } from '../relative-difference.ts';

/** Float32 sums of thousands of products in different orders, relative to the largest output. */
const SAME: Goal = { atMost: 1e-4 };

interface Compared {
  readonly plainMs: readonly number[];
  readonly oursMs: readonly number[];
  readonly firstMs: number;
  readonly difference: number;
}

/**
 * The plain model in this process and ours on the peer, in turns, so that whatever else the machine does slows both.
 * Ours is timed at the requester: input to the peer, compute in its worker, output back.
 */
async function compare(
  peers: LocalPeers,
  network: Network,
  rounds: { readonly plain: number; readonly ours: number; readonly warmUp: boolean },
): Promise<Compared> {
  const { graph } = network;
  const random = seededRandom(7);
  const values = Float32Array.from(
    { length: shapeSize(graph.inputs[0]!.shape) },
    () => random.next() * 2 - 1,
  );
  const plain = await plainModel(network.original, network.originalWeights);
  const session = await peers.spread(
    network,
    planBuilder(graph)
      .segment({ split: whole(0) })
      .file(),
  );
  const plainMs: number[] = [];
  const oursMs: number[] = [];
  let expected: Float32Array | undefined;
  let actual: Float32Array | undefined;
  const runPlain = (): void => void (expected = plain.predict(values));
  const runOurs = async (): Promise<void> => {
    // What a session is given it sends away.
    actual = (await session.run([values.slice()])).outputs[0]!;
  };
  const timed = async (into: number[], run: () => void | Promise<void>): Promise<void> => {
    const startMs = performance.now();
    await run();
    into.push(performance.now() - startMs);
  };
  try {
    const first: number[] = [];
    await timed(first, runOurs);
    if (rounds.warmUp) runPlain();
    for (let round = 0; round < Math.max(rounds.plain, rounds.ours); round++) {
      if (round < rounds.plain) await timed(plainMs, runPlain);
      if (round < rounds.ours) await timed(oursMs, runOurs);
    }
    return { plainMs, oursMs, firstMs: first[0]!, difference: relativeDifference(actual!, expected!) };
  } finally {
    await session.close();
    plain.dispose();
  }
}

export async function wholeModelRows({ quick, say }: BenchmarkContext): Promise<Row[]> {
  const rows: Row[] = [];
  const peers = await openLocalPeers(1);
  try {
    for (const [name, graph, count] of [
      ['MobileNet', mobilenet(), 25],
      ['Xception', NETWORKS.xception(), 7],
      ['VGG16', NETWORKS.vgg16(), 7],
    ] as const) {
      say(`${name}: plain predict and one peer, in turns`);
      const rounds = quick ? 1 : count;
      const { plainMs, oursMs, firstMs, difference } = await compare(peers, seededNetwork(graph), {
        plain: rounds,
        ours: rounds,
        warmUp: true,
      });
      const [plain, ours] = [median(plainMs), median(oursMs)];
      rows.push(
        { name: `${name}: one peer over WebRTC / plain predict`, value: ours / plain, unit: '×', goal: { atMost: 1.03 } },
        { name: `${name}: one peer, frame over WebRTC`, value: ours, unit: 'ms', goal: null },
        { name: `${name}: plain predict`, value: plain, unit: 'ms', goal: null },
        { name: `${name}: first frame / later ones`, value: firstMs / ours, unit: '×', goal: null },
        { name: `${name}: largest relative difference`, value: difference, unit: '', goal: SAME },
      ); // prettier-ignore
    }
    rows.push(...(await clipRows(peers, quick, say)));
  } finally {
    await peers.close();
  }
  return rows;
}

/** tf.conv3d takes minutes for one clip: it runs once, cold, which is lost in that; a quarter of the channels when quick. */
async function clipRows(peers: LocalPeers, quick: boolean, say: (line: string) => void): Promise<Row[]> {
  const title = quick ? 'C3D at an eighth of its channels' : 'C3D';
  say(`${title}: plain predict runs once, which takes a while`);
  const network = seededNetwork(NETWORKS.c3d(quick ? { width: 1 / 8 } : {}));
  const { plainMs, oursMs, difference } = await compare(peers, network, {
    plain: 1,
    ours: quick ? 3 : 5,
    warmUp: false,
  });
  const [plain, ours] = [median(plainMs), median(oursMs)];
  return [
    { name: `${title}: plain predict / one peer over WebRTC`, value: plain / ours, unit: '×', goal: { atLeast: 25 } },
    { name: `${title}: one peer, clip over WebRTC`, value: ours, unit: 'ms', goal: null },
    { name: `${title}: plain predict, once`, value: plain, unit: 'ms', goal: null },
    { name: `${title}: largest relative difference`, value: difference, unit: '', goal: SAME },
  ]; // prettier-ignore
}
