import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openModelFile } from '../../headless/model-files.ts';
import { joinNodeMesh, type JoinedNode } from '../../headless/node-mesh.ts';
import { gatherPeers, type RoomPeer } from '../../headless/room-peers.ts';
import { spreadModel } from '../../headless/spread-model.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { createTfjsEngine } from '../../src/engine/tfjs.ts';
import { shapeSize, type Shape } from '../../src/graph/box.ts';
import { loadModel, type LoadedModel } from '../../src/import/load-model.ts';
import { compilePlan } from '../../src/planner/compiled-plan.ts';
import { memoryPerPeer } from '../../src/planner/memory.ts';
import { parseRoomLink } from '../../src/protocol/room-link.ts';
import { compareOutputs, loadWholeModel, type WholeModel } from '../../src/runtime/whole-model.ts';
import { seededRandom } from '../../src/shared/random.ts';
import { startProgram, type Program } from '../support/program.ts';
import { hasRealdata, realdata, realdataNote } from '../support/realdata.ts';
import { splitPlan, type Split } from '../support/split-plans.ts';

interface Trained {
  readonly name: string;
  readonly path: string;
  readonly outputs: number;
  /** For a model that takes any size. */
  readonly inputShape?: Shape;
  readonly splits: readonly Split[];
}

const MODELS: readonly Trained[] = [
  {
    name: 'MobileNet',
    path: 'tfjs-layers-mobilenet-v1-025/mobilenet_model.json',
    outputs: 1,
    splits: ['rows', 'grid', 'channels', 'sums', { fusedOps: 24 }],
  },
  {
    name: 'SqueezeNet features',
    path: 'tfjs-layers-squeezenet-v11-features/squeezenet_model.json',
    outputs: 1,
    splits: ['rows', 'grid', 'channels', 'sums', { fusedOps: 20 }],
  },
  {
    name: 'LeNet with eight outputs',
    path: 'tfjs-layers-lenet-multi-output/mnist.json',
    outputs: 8,
    splits: ['rows', 'grid', 'channels', 'sums', { fusedOps: 9 }],
  },
  {
    name: 'brain mask (dilated 3-D convolutions, 38³)',
    path: 'tfjs-layers-conv3d/mnm_38cube/model.json',
    outputs: 1,
    splits: ['rows', 'channels', { fusedOps: 12 }],
  },
  {
    name: 'brain segmentation (dilated 3-D convolutions, 20³ of its 256³)',
    path: 'tfjs-layers-conv3d/model20chan3cls/model.json',
    outputs: 1,
    inputShape: [20, 20, 20, 1],
    splits: ['grid', 'sums', { fusedOps: 12 }],
  },
];

const PEERS = 3;
const nameOf = (split: Split): string =>
  typeof split === 'string' ? split : `rows of ${split.fusedOps} ops fused`;

/** Peers are processes of their own, links are WebRTC; this process asks, and computes the whole model beside. */
describe.skipIf(!hasRealdata)(
  `trained models, cut over ${PEERS} peer processes, stay exact${realdataNote}`,
  () => {
    let server: Program;
    let requester: JoinedNode;
    let peers: RoomPeer[];
    let engine: Engine;

    beforeAll(async () => {
      server = startProgram(['serve', '--port', '0', '--peers', String(PEERS), '--json']);
      const { local } = (await server.firstJson()) as { local: string };
      requester = await joinNodeMesh({ link: parseRoomLink(local), name: 'exactness' });
      peers = await gatherPeers(requester.mesh, { count: PEERS, timeoutMs: 60_000 });
      engine = await createTfjsEngine({ backend: 'wasm' });
    });
    afterAll(async () => {
      await requester?.mesh.leave();
      await server?.stop();
      await engine?.dispose();
    });

    describe.each(MODELS)('$name', ({ path, outputs, inputShape, splits }) => {
      let model: LoadedModel;
      let whole: WholeModel;
      let input: Float32Array;
      let expected: readonly Float32Array[];

      beforeAll(async () => {
        model = await loadModel(realdata(path), {
          open: openModelFile,
          ...(inputShape ? { inputShape } : {}),
        });
        const random = seededRandom(7);
        const size = shapeSize(model.graph.inputs[0]!.shape);
        input = Float32Array.from({ length: size }, () => random.next() * 2 - 1);
        whole = await loadWholeModel(engine, model.graph, model.weights);
        expected = (await whole.run([input])).outputs;
      });
      afterAll(() => whole?.dispose());

      it.each(splits.map((split) => [nameOf(split), split] as const))('%s', async (_name, split) => {
        const planFile = splitPlan(model.graph, split, PEERS);
        const { session } = await spreadModel({ joined: requester, model, peers, planFile });
        const result = await session.run([input]);
        expect(result.outputs).toHaveLength(outputs);
        const comparison = compareOutputs(result.outputs, expected);
        expect(comparison).toMatchObject({ withinTolerance: true, sameTop1: true });
        expect(comparison.maxAbs).toBeGreaterThan(0);

        const needed = memoryPerPeer(compilePlan(model.graph, session.plan), 1);
        for (const { peer, weightBytes } of session.peers) {
          expect(weightBytes, `weights on ${peer}`).toBe(needed.get(peer)!.weightBytes);
        }
        expect(new Set(result.tiles.map(({ peer }) => peer)).size, 'peers that computed').toBe(PEERS);
        await session.close();
      });
    });
  },
);
