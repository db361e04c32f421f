import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModelByName } from '../../headless/model-files.ts';
import { joinNodeMesh, type JoinedNode } from '../../headless/node-mesh.ts';
import { gatherPeers, type RoomPeer } from '../../headless/room-peers.ts';
import { spreadModel } from '../../headless/spread-model.ts';
import { createReferenceEngine } from '../../src/engine/reference.ts';
import { shapeSize } from '../../src/graph/box.ts';
import { pixelsToF32 } from '../../src/graph/pixels.ts';
import type { LoadedModel } from '../../src/import/load-model.ts';
import { pixelInput } from '../../src/models/image-encoding.ts';
import type { Codec } from '../../src/planner/codec.ts';
import { planBuilder } from '../../src/planner/plan-builder.ts';
import type { PlanFile } from '../../src/planner/plan-file.ts';
import { bands, channels, whole } from '../../src/planner/splits.ts';
import { parseRoomLink } from '../../src/protocol/room-link.ts';
import { f32ToBytes } from '../../src/protocol/codec.ts';
import { seededRandom } from '../../src/shared/random.ts';
import { writePipelinePlan } from '../support/pipeline-plan-file.ts';
import { runProgram, startProgram, type Program } from '../support/program.ts';
import { simulatePlan } from '../support/simulate-plan.ts';

/** Bands, channels, one tile; the codecs in turn. */
function mixed({ graph }: LoadedModel, codecs: readonly Codec[]): PlanFile {
  const pools = graph.nodes.filter(({ op }) => op.kind === 'max-pool');
  const dense = graph.nodes.findIndex(({ op }) => op.kind === 'dense');
  const file = planBuilder(graph)
    .segment({ through: pools[0]!.id, split: bands({ axis: 'height', peers: [0, 1, 2] }) })
    .segment({ through: graph.nodes[dense - 1]!.id, split: channels({ peers: [1, 2] }) })
    .segment({ split: whole(0) })
    .file('for a test');
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
  return { ...file, inputs: [{ tensor: graph.inputs[0]!.id, codec: 'f16' }], segments };
}

/** Peers are processes with the reference engine, whose loops give the same bits everywhere; links are WebRTC. */
describe('codecs over three peer processes', () => {
  let server: Program;
  let requester: JoinedNode;
  let peers: RoomPeer[];
  let model: LoadedModel;

  beforeAll(async () => {
    server = startProgram(['serve', '--port', '0', '--peers', '3', '--engine', 'reference', '--json']);
    const { local } = (await server.firstJson()) as { local: string };
    requester = await joinNodeMesh({ link: parseRoomLink(local), name: 'codecs' });
    peers = await gatherPeers(requester.mesh, { count: 3, timeoutMs: 60_000 });
    model = await loadModelByName('digits');
  });
  afterAll(async () => {
    await requester?.mesh.leave();
    await server?.stop();
  });

  it.each([
    ['f16, u8 and f32 in one plan', ['f16', 'u8', 'f32']],
    ['u8 everywhere', ['u8']],
  ] as const)('[COD1] %s: bit by bit the result of the same rounding done locally', async (_, codecs) => {
    const planFile = mixed(model, codecs);
    const { session } = await spreadModel({ joined: requester, model, peers, planFile });
    const random = seededRandom(3);
    const { shape, image } = model.graph.inputs[0]!;
    const numbers = Float32Array.from({ length: shapeSize(shape) }, () => random.next());
    const picture = pixelInput(
      Uint8Array.from(numbers, (value) => value * 255),
      image!,
      shape,
    );
    // Numbers travel as f16, the picture as its bytes, whatever the plan says of the input.
    const exactInput = { ...session.plan, inputs: [] };
    for (const [input, values, plan] of [
      [numbers, numbers, session.plan],
      [picture, pixelsToF32(picture), exactInput],
    ] as const) {
      const engine = createReferenceEngine();
      const expected = await simulatePlan(engine, model.graph, plan, model.weights, [values]);
      const { outputs } = await session.run([input]);
      expect(Buffer.compare(f32ToBytes(outputs[0]!), f32ToBytes(expected[0]!))).toBe(0);
    }
    await session.close();
  });
});

describe('infer --codec', async () => {
  const digits = await loadModelByName('digits');
  const samples = 'public/models/digits/samples';
  interface Report {
    readonly verify: { readonly exact: boolean; readonly top1Agreement: number; readonly maxAbsDiff: number };
    readonly traffic: readonly {
      readonly codec: string;
      readonly bytes: number;
      readonly f32Bytes: number;
    }[];
  }
  const pipeline = writePipelinePlan(digits.graph, 2);
  afterAll(() => pipeline.remove());
  const infer = async (...more: string[]): Promise<{ code: number | null; report: Report }> => {
    const args = ['infer', samples, '--model', 'digits', ...pipeline.flags, '--verify', '--json', ...more];
    const run = await runProgram(args);
    expect(run.stderr).not.toMatch(/INTERNAL/);
    return { code: run.code, report: JSON.parse(run.stdout) as Report };
  };

  it('reports bytes per frame by codec, and what the codec does to the answers', async () => {
    const exact = await infer();
    expect(exact.code).toBe(0);
    expect(exact.report.verify).toMatchObject({ exact: true, top1Agreement: 1 });
    const pixels = exact.report.traffic.find(({ codec }) => codec === 'pixels');
    expect(pixels!.bytes).toBe(pixels!.f32Bytes / 4 + 16);

    const half = await infer('--codec', 'f16');
    expect(half.code).toBe(0);
    expect(half.report.verify).toMatchObject({ exact: false, top1Agreement: 1 });
    expect(half.report.verify.maxAbsDiff).toBeGreaterThan(exact.report.verify.maxAbsDiff);
    const halves = half.report.traffic.find(({ codec }) => codec === 'f16');
    expect(halves!.bytes).toBe(halves!.f32Bytes / 2);
  });

  it('refuses a codec that there is not', async () => {
    const run = await runProgram(['infer', samples, '--model', 'digits', '--peers', '1', '--codec', 'mp3']);
    expect(run.code).toBe(2);
    expect(run.stderr).toMatch(/f32, f16, u8/);
  });
});
