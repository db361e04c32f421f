import { describe, expect, it } from 'vitest';
import type { Engine } from '../../../src/engine/engine.ts';
import { boxSize } from '../../../src/graph/box.ts';
import { foldBatchNorm } from '../../../src/graph/fold.ts';
import { fullBox } from '../../../src/graph/box.ts';
import { tensorShapes } from '../../../src/graph/shapes.ts';
import { compileTile, type TileProgram } from '../../../src/graph/tile-program.ts';
import { NETWORKS } from '../../../src/models/presets.ts';
import { programWork, workMs } from '../../../src/planner/cost-model.ts';
import type { DeviceProfile } from '../../../src/planner/profile.ts';
import { measureEngine } from '../../../src/runtime/measure-engine.ts';
import type { Clock } from '../../../src/shared/clock.ts';
import { seededRandom } from '../../../src/shared/random.ts';
import { profileOf } from '../../support/test-profile.ts';

/** A device that takes exactly the time that its profile says, on a clock that only it moves. */
function syntheticDevice(
  truth: DeviceProfile,
  factor: () => number = () => 1,
  loadMs = 1,
  /** How long the engine's thread takes for so much work, begun at a time. */
  wallMs: (nowMs: number, workMs: number) => number = (_nowMs, ms) => ms,
  waitMs: (nowMs: number) => number = () => 0,
) {
  let nowMs = 0;
  const loaded = new Set<TileProgram>();
  const clock: Clock = {
    now: () => nowMs,
    after(delayMs, run) {
      queueMicrotask(() => {
        nowMs += delayMs;
        run();
      });
      return () => undefined;
    },
  };
  const engine: Engine = {
    name: 'synthetic',
    accuracy: 'f32',
    async load(program) {
      nowMs += loadMs;
      loaded.add(program);
      return {
        async run() {
          // A thread that has used up its part stands still before it notes the time.
          nowMs += waitMs(nowMs);
          const computeMs = wallMs(
            nowMs,
            (truth.tileMs / 2 + workMs(programWork(program), truth)) * factor(),
          );
          nowMs += computeMs + truth.tileMs / 2;
          const outputs = program.outputs.map(({ box }) => new Float32Array(boxSize(box)));
          return { outputs, computeMs };
        },
        dispose: async () => void loaded.delete(program),
      };
    },
    memory: async () => ({ tensors: 0, bytes: 0 }),
    dispose: async () => undefined,
  };
  return { engine, clock, loaded, elapsedMs: () => nowMs };
}

const networks = Object.values(NETWORKS).map((build) => {
  const graph = foldBatchNorm(build()).graph;
  const tensor = graph.outputs[0]!;
  const box = fullBox(tensorShapes(graph).get(tensor)!);
  return programWork(compileTile(graph, { ops: [0, graph.nodes.length], outputs: [{ tensor, box }] }));
});

async function largestError(truth: DeviceProfile, factor?: () => number, loadMs?: number): Promise<number> {
  const device = syntheticDevice(truth, factor, loadMs);
  const found = { ...truth, ...(await measureEngine(device)) };
  expect(device.loaded.size).toBe(0);
  return Math.max(...networks.map((work) => Math.abs(workMs(work, found) / workMs(work, truth) - 1)));
}

describe('measuring an engine', () => {
  it('finds rates that predict networks as the device computes them', async () => {
    for (const slowness of [0.1, 1, 10]) expect(await largestError(profileOf(slowness))).toBeLessThan(0.03);
  });

  it('finds classes that are out of proportion', async () => {
    const { rates } = profileOf(1);
    const truth = {
      ...profileOf(1),
      rates: {
        ...rates,
        dense: profileOf(20).rates.dense,
        depthwise: profileOf(15).rates.depthwise,
        conv: profileOf(0.2).rates.conv,
      },
    };
    expect(await largestError(truth)).toBeLessThan(0.05);
  });

  it('is not thrown off by noise, nor by runs that were held up', async () => {
    const random = seededRandom(3);
    const factor = (): number => (random.next() < 0.05 ? 3 : 1 + 0.05 * random.normal());
    expect(await largestError(profileOf(1), factor)).toBeLessThan(0.15);
  });

  it('sees what a quota leaves of a processor: four of twelve milliseconds', async () => {
    const truth = profileOf(1);
    /** What was computed in the period that is under way. */
    let period = -1;
    let usedMs = 0;
    const quota = (nowMs: number, ms: number): number => {
      let now = nowMs;
      for (let left = ms; left > 1e-9;) {
        if (Math.floor(now / 12) !== period) [period, usedMs] = [Math.floor(now / 12), 0];
        const turn = Math.min(left, 4 - usedMs, (period + 1) * 12 - now);
        left -= turn;
        usedMs += turn;
        now = usedMs >= 4 - 1e-9 && left > 1e-9 ? (period + 1) * 12 : now + turn;
      }
      return now - nowMs;
    };
    const wait = (nowMs: number): number =>
      Math.floor(nowMs / 12) === period && usedMs >= 4 - 1e-9 ? (period + 1) * 12 - nowMs : 0;
    const device = syntheticDevice(truth, undefined, 1, quota, wait);
    const found = { ...truth, ...(await measureEngine(device)) };
    for (const work of networks) {
      const ratio = workMs(work, found) / workMs(work, truth);
      expect(ratio).toBeGreaterThan(2);
      expect(ratio).toBeLessThan(4);
    }
  });

  it('keeps to its budget on slow devices, and gives rates for what it did not come to', async () => {
    const truth = profileOf(60);
    const device = syntheticDevice(truth, undefined, 150);
    const found = { ...truth, ...(await measureEngine(device)) };
    // One sample may be under way when time is up.
    expect(device.elapsedMs()).toBeLessThan(2000);
    for (const work of networks) {
      const ratio = workMs(work, found) / workMs(work, truth);
      expect(ratio).toBeGreaterThan(1 / 4);
      expect(ratio).toBeLessThan(4);
    }
  });
});
