import { describe, expect, it } from 'vitest';
import { chooseEngine } from '../../../src/engine/choose.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import type { Accuracy } from '../../../src/shared/accuracy.ts';
import { createReferenceEngine } from '../../../src/engine/reference.ts';
import { selfTest } from '../../../src/engine/self-test.ts';
import { PeerceptronError } from '../../../src/shared/errors.ts';

/** The reference engine with one output bent, and a count of disposals. */
function bent(bend: (value: number) => number, accuracy: Accuracy = 'f32'): Engine & { disposals: number } {
  const honest = createReferenceEngine();
  const engine = {
    name: 'bent',
    accuracy,
    disposals: 0,
    async load(...[program, weights]: Parameters<Engine['load']>) {
      const tile = await honest.load(program, weights);
      return {
        dispose: () => tile.dispose(),
        async run(inputs: readonly Float32Array[]) {
          const { outputs, computeMs } = await tile.run(inputs);
          return { outputs: outputs.map((output) => output.map(bend)), computeMs };
        },
      };
    },
    memory: () => honest.memory(),
    async dispose() {
      engine.disposals += 1;
    },
  };
  return engine;
}

describe('selfTest', () => {
  it('passes an engine that computes right', async () => {
    expect(await selfTest(createReferenceEngine())).toEqual({ passed: true });
  });

  it.each([
    ['a thousandth too large', (value: number) => value * 1.001],
    ['NaN', () => Number.NaN],
    ['zero', () => 0],
  ])('refuses numbers that are %s, naming the tensor', async (_, bend) => {
    expect(await selfTest(bent(bend))).toMatchObject({
      passed: false,
      reason: expect.stringContaining('of bias') as string,
    });
  });

  it('grants half precision its rounding, and no more', async () => {
    expect(await selfTest(bent((value) => value * 1.001, 'f16'))).toEqual({ passed: true });
    expect(await selfTest(bent((value) => value * 1.1, 'f16'))).toMatchObject({ passed: false });
  });
});

describe('chooseEngine', () => {
  it('takes the first that starts and computes right, and says why others were refused', async () => {
    const wrong = bent((value) => value + 1);
    const half = bent((value) => value, 'f16');
    const chosen = await chooseEngine(
      ['absent', 'wrong', 'half', 'reference', 'never'],
      async (candidate) => {
        switch (candidate) {
          case 'absent':
            throw new PeerceptronError('ENGINE_UNAVAILABLE', 'not on this device', {
              details: { missing: true },
            });
          case 'wrong':
            return wrong;
          case 'half':
            return half;
          case 'reference':
            return createReferenceEngine();
          default:
            throw new Error('a later candidate was started');
        }
      },
    );
    expect(chosen.candidate).toBe('reference');
    expect(chosen.refused).toEqual([
      { candidate: 'absent', reason: 'not on this device', missing: true },
      { candidate: 'wrong', reason: expect.stringContaining('wrong numbers') as string },
      { candidate: 'half', reason: expect.stringContaining('half precision') as string },
    ]);
    expect([wrong.disposals, half.disposals]).toEqual([1, 1]);
  });

  it('takes half precision where a lossy plan allows it', async () => {
    const half = bent((value) => value * 1.0005, 'f16');
    const chosen = await chooseEngine(['half'], async () => half, { allowHalfPrecision: true });
    expect(chosen.engine).toBe(half);
    expect(half.disposals).toBe(0);
  });

  it('fails with all reasons when none works', async () => {
    await expect(
      chooseEngine(['a', 'b'], async (candidate) => {
        throw new Error(`no ${candidate}`);
      }),
    ).rejects.toMatchObject({
      code: 'ENGINE_UNAVAILABLE',
      message: expect.stringMatching(/no a.*no b/) as string,
    });
  });
});
