import { afterEach, describe, expect, it } from 'vitest';
import { createReferenceEngine } from '../../../src/engine/reference.ts';
import { shapeSize } from '../../../src/graph/box.ts';
import { pixelsToF32, type PixelInput } from '../../../src/graph/pixels.ts';
import { weightShapes } from '../../../src/graph/shapes.ts';
import { systemClock } from '../../../src/mesh/system-clock.ts';
import type { Codec } from '../../../src/planner/codec.ts';
import { compilePlan } from '../../../src/planner/compiled-plan.ts';
import { planBuilder } from '../../../src/planner/plan-builder.ts';
import { parsePlanFile } from '../../../src/planner/plan-file.ts';
import type { Plan } from '../../../src/planner/plan.ts';
import { bands, channels, whole } from '../../../src/planner/splits.ts';
import type { PieceMeta } from '../../../src/protocol/messages.ts';
import { f32ToBytes } from '../../../src/protocol/codec.ts';
import { RuntimeNode } from '../../../src/runtime/runtime-node.ts';
import { servePeer, type PeerService } from '../../../src/runtime/serve-peer.ts';
import { openSession, type Session } from '../../../src/runtime/session.ts';
import { asSessionId } from '../../../src/shared/ids.ts';
import { seededRandom } from '../../../src/shared/random.ts';
import { memorySource } from '../../../src/weights/memory-source.ts';
import { MemoryRoom, peerIdOf } from '../../support/memory-network.ts';
import { normals } from '../../support/random.ts';
import { simulatePlan } from '../../support/simulate-plan.ts';
import { lenet } from '../../support/small-networks.ts';

const graph = lenet();
const [input] = graph.inputs;
const random = seededRandom(21);
const weights = memorySource(
  [...weightShapes(graph)].map(([name, shape]) => ({
    name,
    shape,
    data: normals(random, shapeSize(shape), 0.2),
  })),
);
const image: PixelInput = {
  pixels: Uint8Array.from({ length: shapeSize(input!.shape) }, () => random.integer(256)),
  scale: [1 / 127.5],
  offset: [-1],
};

/** Bands, then channels, then one tile: pieces in every direction; codecs in turn, and `inputCodec` for the input. */
function mixedPlan(codecs: readonly Codec[], inputCodec: Codec): Plan {
  const dense = graph.nodes.findIndex(({ op }) => op.kind === 'dense');
  const file = planBuilder(graph)
    .segment({ through: 'pool1', split: bands({ axis: 'height', peers: [0, 1, 2] }) })
    .segment({ through: graph.nodes[dense - 1]!.id, split: channels({ peers: [1, 2] }) })
    .segment({ split: whole(0) })
    .file('a test');
  let next = 0;
  const segments = file.segments.map((segment) => ({
    ...segment,
    lanes: segment.lanes.map((lane) => ({
      ...lane,
      tiles: lane.tiles.map((tile) => ({
        ...tile,
        outputs: tile.outputs.map((output) => ({ ...output, codec: codecs[next++ % codecs.length]! })),
      })),
    })),
  }));
  const raw = { ...file, inputs: [{ tensor: input!.id, codec: inputCodec }], segments };
  const peers = [1, 2, 3].map(peerIdOf);
  return parsePlanFile(raw, { graph, session: asSessionId('7'.repeat(32)), epoch: 0, peers });
}

describe('plans with codecs', () => {
  const undo: (() => unknown)[] = [];
  afterEach(async () => {
    for (const step of undo.splice(0).reverse()) await step();
  });
  const sent: PieceMeta[] = [];

  async function open(plan: Plan): Promise<Session> {
    const room = new MemoryRoom();
    const services: PeerService[] = compilePlan(graph, plan).peers.map((peer) =>
      servePeer({
        node: new RuntimeNode(room.join(peer)),
        engine: createReferenceEngine(),
        memoryBytes: 1e9,
        clock: systemClock,
      }),
    );
    undo.push(() => Promise.all(services.map((service) => service.close())));
    const requester = room.join(peerIdOf(0));
    sent.length = 0;
    const channelTo = requester.channel.bind(requester);
    requester.channel = async (peer) => {
      const channel = await channelTo(peer);
      const send = channel.sendStream.bind(channel);
      channel.sendStream = (meta, data, options) => {
        if (meta.kind === 'piece') sent.push(meta);
        return send(meta, data, options);
      };
      return channel;
    };
    const node = new RuntimeNode(requester);
    const session = await openSession({ node, graph, weights, plan, clock: systemClock });
    undo.push(() => session.close());
    return session;
  }
  const bits = (values: Float32Array): number[] => [...f32ToBytes(values)];

  it.each([
    ['f16 everywhere', ['f16'], 'f16'],
    ['u8 everywhere', ['u8'], 'u8'],
    ['all of them mixed', ['f16', 'u8', 'f32', 'u8'], 'f16'],
    ['f32', ['f32'], 'f32'],
  ] as const)(
    '[COD1] %s: the result is that of the same rounding done locally, bit by bit',
    async (_, codecs, first) => {
      const plan = mixedPlan(codecs, first);
      const session = await open(plan);
      for (let round = 0; round < 3; round++) {
        const frame = [normals(random, shapeSize(input!.shape))];
        const expected = await simulatePlan(createReferenceEngine(), graph, plan, weights, frame);
        const { outputs } = await session.run(frame);
        expect(outputs.map(bits)).toEqual(expected.map(bits));
      }
      expect(new Set(sent.map(({ codec }) => codec))).toEqual(new Set([first]));
    },
  );

  it.each(['f32', 'u8'] as const)(
    '[COD5] pictures travel as their bytes, exactly, where the plan says %s for the input',
    async (codec) => {
      const plan = mixedPlan(['f32'], codec);
      const session = await open(plan);
      const exact = mixedPlan(['f32'], 'f32');
      const values = [pixelsToF32(image)];
      const expected = await simulatePlan(createReferenceEngine(), graph, exact, weights, values);
      const { outputs } = await session.run([image]);
      expect(outputs.map(bits)).toEqual(expected.map(bits));
      expect(new Set(sent.map((meta) => meta.codec))).toEqual(new Set(['pixels']));
    },
  );

  it('[COD3] a frame with NaN fails with a code where the codec is u8, and the next one runs', async () => {
    const session = await open(mixedPlan(['f32'], 'u8'));
    const bad = normals(random, shapeSize(input!.shape));
    bad[5] = NaN;
    await expect(session.run([bad])).rejects.toMatchObject({ code: 'CODEC_RANGE' });
    await session.run([normals(random, shapeSize(input!.shape))]);
    const inside = await open(mixedPlan(['u8'], 'f32'));
    await expect(inside.run([bad])).rejects.toMatchObject({
      code: 'FRAME_FAILED',
      details: { code: 'CODEC_RANGE' },
    });
  });

  it.each([
    ['too few scales', { ...image, scale: [] }],
    ['an offset that is no number', { ...image, offset: [NaN] }],
    ['too few bytes', { ...image, pixels: image.pixels.subarray(1) }],
  ])('a picture with %s is INPUT_INVALID', async (_, picture) => {
    const session = await open(mixedPlan(['f32'], 'f32'));
    await expect(session.run([picture])).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });
});
