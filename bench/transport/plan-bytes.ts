import { createTfjsEngine } from '../../src/engine/tfjs.ts';
import { vgg16 } from '../../src/models/vgg16.ts';
import { systemClock } from '../../src/mesh/system-clock.ts';
import { planBuilder } from '../../src/planner/plan-builder.ts';
import type { Plan } from '../../src/planner/plan.ts';
import { bands, whole } from '../../src/planner/splits.ts';
import { RuntimeNode } from '../../src/runtime/runtime-node.ts';
import { servePeer } from '../../src/runtime/serve-peer.ts';
import { openSession } from '../../src/runtime/session.ts';
import { asSessionId } from '../../src/shared/ids.ts';
import { seededRandom } from '../../src/shared/random.ts';
import { createMemoryPair, type MemoryPair } from '../../src/transport/memory-pair.ts';
import type { PeerLink } from '../../src/transport/peer-link.ts';
import { seededModelWeights } from '../../src/weights/seeded-model.ts';
import { MemoryRoom, peerIdOf } from '../../test/support/memory-network.ts';
import type { BenchmarkContext, Row } from '../benchmark.ts';

const PEERS = [1, 2, 3, 4].map(peerIdOf);
/** What is fused: blocks 1 and 2, block 3, blocks 4 and 5, each in four row bands; the dense layers on the first peer. */
const FUSED = [
  { through: 'block2_pool', blocks: [2, 2] },
  { through: 'block3_pool', blocks: [3] },
  { through: 'block5_pool', blocks: [3, 3] },
] as const;
const F32_BYTES = 4;

/** Runs VGG16 for real under a plan of four fused bands, and counts every byte that is handed to a link meanwhile. */
export async function planBytes({ quick, say }: BenchmarkContext): Promise<Row[]> {
  say('VGG16 in four fused bands over four peers: loading');
  const graph = vgg16();
  const seeded = { seed: 1, unfolded: graph };
  const builder = planBuilder(graph);
  for (const { through } of FUSED)
    builder.segment({ through, split: bands({ axis: 'height', peers: [0, 1, 2, 3] }) });
  const plan = builder
    .segment({ split: whole(0) })
    .plan({ session: asSessionId('b'.repeat(32)), epoch: 0, peers: PEERS });

  let sentBytes = 0;
  const room = new MemoryRoom(() => countedPair((sizeBytes) => (sentBytes += sizeBytes)));
  const engine = await createTfjsEngine({ backend: 'wasm' });
  const services = PEERS.map((peer) =>
    servePeer({ node: new RuntimeNode(room.join(peer)), engine, memoryBytes: 4e9, clock: systemClock }),
  );
  const session = await openSession({
    node: new RuntimeNode(room.join(peerIdOf(0))),
    graph,
    weights: seededModelWeights(seeded),
    seeded,
    plan,
    clock: systemClock,
  });
  try {
    const random = seededRandom(1);
    const image = Float32Array.from({ length: 224 * 224 * 3 }, () => 200 * random.next() - 100);
    const frames = quick ? 1 : 3;
    say(`VGG16 in four fused bands: ${frames} frame${frames > 1 ? 's' : ''}`);
    sentBytes = 0;
    for (let frame = 0; frame < frames; frame++) await session.run([image.slice()]);
    // Acknowledgements and reports of the last frame are still to come.
    await new Promise((resolve) => setTimeout(resolve, 100));
    const perFrame = sentBytes / frames;
    const minimum = leastBytes(plan);
    return [
      { name: 'VGG16, four fused bands: sent per frame', value: perFrame / 1e6, unit: 'MB', goal: null },
      { name: 'VGG16, four fused bands: theoretical minimum', value: minimum / 1e6, unit: 'MB', goal: null },
      {
        name: 'VGG16, four fused bands: sent over minimum',
        value: perFrame / minimum,
        unit: '×',
        goal: { atMost: 1.02 },
      },
    ];
  } finally {
    await session.close();
    await Promise.all(services.map((service) => service.close()));
    await engine.dispose();
  }
}

/**
 * What must travel for one frame, by receptive fields worked out here by hand and not by the code under test: the rows of the
 * picture that each band needs, the rows of the neighbours' bands, the last pool's rows to the dense layers, the answer.
 */
function leastBytes(plan: Plan): number {
  const bandsOf = (segment: number): { peer: string; rows: readonly [number, number] }[] =>
    plan.segments[segment]!.lanes[0]!.tiles.map(({ peer, outputs }) => ({
      peer,
      rows: outputs[0]!.box[0] as unknown as readonly [number, number],
    }));
  // Bytes of one row of what enters each segment: the picture, block2_pool, block3_pool, block5_pool.
  const rowBytes = [224 * 3, 56 * 128, 28 * 256, 7 * 512].map((elements) => elements * F32_BYTES);
  let bytes = 1000 * F32_BYTES;
  for (const [segment, { blocks }] of FUSED.entries()) {
    for (const { peer, rows } of bandsOf(segment)) {
      const [from, to] = inputRows(rows, blocks, [56, 28, 7][segment]!);
      if (segment === 0) bytes += (to - from) * rowBytes[0]!;
      else bytes += rowsElsewhere(bandsOf(segment - 1), peer, from, to) * rowBytes[segment]!;
    }
  }
  return bytes + rowsElsewhere(bandsOf(2), PEERS[0]!, 0, 7) * rowBytes[3]!;
}

/** Rows of the input behind rows of the output: a 2×2 pool doubles, a 3×3 convolution adds one at each side. */
function inputRows(
  rows: readonly [number, number],
  blocks: readonly number[],
  outputHeight: number,
): [number, number] {
  let [from, to] = rows;
  let height = outputHeight;
  for (const convolutions of blocks.toReversed()) {
    height *= 2;
    from = Math.max(0, 2 * from - convolutions);
    to = Math.min(height, 2 * to + convolutions);
  }
  return [from, to];
}

const rowsElsewhere = (
  makers: readonly { readonly peer: string; readonly rows: readonly [number, number] }[],
  peer: string,
  from: number,
  to: number,
): number =>
  makers
    .filter((maker) => maker.peer !== peer)
    .reduce((sum, { rows }) => sum + Math.max(0, Math.min(to, rows[1]) - Math.max(from, rows[0])), 0);

function countedPair(count: (sizeBytes: number) => void): MemoryPair {
  const pair = createMemoryPair();
  for (const link of [pair.a, pair.b] as PeerLink[]) {
    const send = link.send.bind(link);
    link.send = (message) => {
      count(message.length);
      send(message);
    };
  }
  return pair;
}
