import { afterEach, describe, expect, it } from 'vitest';
import { createReferenceEngine } from '../../../src/engine/reference.ts';
import { foldBatchNorm } from '../../../src/graph/fold.ts';
import { simplify } from '../../../src/graph/simplify.ts';
import { systemClock } from '../../../src/mesh/system-clock.ts';
import { NETWORKS, type NetworkName } from '../../../src/models/presets.ts';
import { pipelinePlan } from '../../../src/planner/pipeline-plan.ts';
import { RuntimeNode } from '../../../src/runtime/runtime-node.ts';
import { servePeer, type PeerService } from '../../../src/runtime/serve-peer.ts';
import { openSession, type Session } from '../../../src/runtime/session.ts';
import { compareOutputs, loadWholeModel } from '../../../src/runtime/whole-model.ts';
import { asSessionId } from '../../../src/shared/ids.ts';
import { seededModelWeights, type SeededWeights } from '../../../src/weights/seeded-model.ts';
import type { WeightSource } from '../../../src/weights/weight-source.ts';
import { randomFrames } from '../../../headless/frames.ts';
import { MemoryRoom, peerIdOf } from '../../support/memory-network.ts';

/** Lists what the model has, and fails the test if anyone asks for it. */
const untouchable = (source: WeightSource): WeightSource => ({
  tensors: source.tensors,
  read: (name) => expect.fail(`'${name}' was asked for`),
});

const small = (name: NetworkName, width = 1 / 16) =>
  NETWORKS[name]({ width, classes: 7, inputShape: name === 'c3d' ? [16, 32, 32, 3] : [71, 71, 3] });

describe('[SES2] peers with seeded weights', () => {
  const services: PeerService[] = [];
  const sessions: Session[] = [];
  afterEach(async () => {
    for (const session of sessions.splice(0)) await session.close();
    for (const service of services.splice(0)) await service.close();
  });

  async function open(seeded: SeededWeights, of: SeededWeights, memoryBytes = 1e9): Promise<Session> {
    const room = new MemoryRoom();
    const engine = createReferenceEngine();
    const peers = [peerIdOf(1), peerIdOf(2)];
    for (const peer of peers) {
      services.push(
        servePeer({ node: new RuntimeNode(room.join(peer)), engine, memoryBytes, clock: systemClock }),
      );
    }
    const { graph } = foldBatchNorm(simplify(of.unfolded));
    const plan = pipelinePlan({
      graph,
      session: asSessionId('5'.repeat(32)),
      epoch: 0,
      peers: peers.map((id) => ({ id, speed: 1 })),
    });
    const session = await openSession({
      node: new RuntimeNode(room.join(peerIdOf(0))),
      graph,
      weights: untouchable(seededModelWeights(of)),
      seeded,
      plan,
      clock: systemClock,
    });
    sessions.push(session);
    return session;
  }

  it.each(['xception', 'vgg16'] as const)(
    'compute what the unsplit model computes, without being sent a weight: %s, batch norms folded',
    async (name) => {
      const seeded: SeededWeights = { seed: 9, unfolded: small(name) };
      const session = await open(seeded, seeded);
      const { graph } = foldBatchNorm(simplify(seeded.unfolded));
      const whole = await loadWholeModel(createReferenceEngine(), graph, seededModelWeights(seeded));
      const [frame] = randomFrames(graph, 3, 1);
      const input = await frame!.inputs();
      const { outputs } = await session.run(input);
      const expected = await whole.run(input);
      expect(compareOutputs(outputs, expected.outputs)).toMatchObject({
        sameTop1: true,
        withinTolerance: true,
      });
      // Every element of every weight lies on one peer.
      const elements = [...seededModelWeights(seeded).tensors.values()]
        .map(({ shape }) => shape.reduce((product, extent) => product * extent, 1))
        .reduce((sum, size) => sum + size, 0);
      expect(session.peers.reduce((sum, { weightBytes }) => sum + weightBytes, 0)).toBe(elements * 4);
    },
  );

  it('refuse an unfolded graph that has other weights, by name', async () => {
    const of: SeededWeights = { seed: 9, unfolded: small('vgg16') };
    await expect(open({ seed: 9, unfolded: small('alexnet') }, of)).rejects.toMatchObject({
      code: 'WEIGHTS_MISSING',
      message: expect.stringContaining('block1_conv1/kernel') as string,
    });
  });

  it('refuse an unfolded graph whose weights have other shapes, with both', async () => {
    const of: SeededWeights = { seed: 9, unfolded: small('vgg16') };
    await expect(open({ seed: 9, unfolded: small('vgg16', 1 / 8) }, of)).rejects.toMatchObject({
      code: 'WEIGHTS_CORRUPT',
      message: expect.stringMatching(/block1_conv1\/kernel.*\[3, 3, 3, 8\].*\[3, 3, 3, 4\]/) as string,
    });
  });

  it('refuse what is no graph', async () => {
    const of: SeededWeights = { seed: 9, unfolded: small('vgg16') };
    const broken = { ...of, unfolded: { ...of.unfolded, nodes: [] } };
    await expect(open(broken, of)).rejects.toMatchObject({ code: 'GRAPH_INVALID' });
  });
});
