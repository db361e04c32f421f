import { describe, expect, it, vi } from 'vitest';
import { createTfjsEngine } from '../../src/engine/tfjs.ts';
import { vitestHarness } from './engine-node-harness.ts';
import { engineSuite } from './engine-suite.ts';
import { runTile, singleOpGraph, wholeRequest } from './engine-tile.ts';

engineSuite(vitestHarness, 'tfjs cpu', () => createTfjsEngine({ backend: 'cpu' }), {
  engineName: 'tfjs-cpu',
});

describe('tfjs in Node', () => {
  it('prints nothing', async () => {
    const spies = (['warn', 'log', 'error'] as const).map((method) => vi.spyOn(console, method));
    for (const backend of ['cpu', 'wasm'] as const) {
      const engine = await createTfjsEngine({ backend });
      await (await engine.load({ inputs: [], weights: [], steps: [], outputs: [] }, [])).run([]);
      const graph = singleOpGraph({ kind: 'identity' }, [[1]]);
      await runTile(engine, graph, wholeRequest(graph), {
        inputs: new Map([['x0', new Float32Array(1)]]),
        weights: new Map(),
      });
      await engine.dispose();
    }
    for (const spy of spies) {
      expect(spy.mock.calls).toEqual([]);
      spy.mockRestore();
    }
  });

  it('leaves the listeners of the process alone', async () => {
    const mine = (): void => undefined;
    process.on('unhandledRejection', mine);
    const listeners = () =>
      (['uncaughtException', 'unhandledRejection'] as const).map((event) =>
        process.listeners(event as 'exit'),
      );
    const before = listeners();
    const engine = await createTfjsEngine({ backend: 'wasm' });
    expect(listeners()).toEqual(before);
    await engine.dispose();
    expect(listeners()).toEqual(before);
    process.off('unhandledRejection', mine);
  });

  it('names a backend that cannot start, and the reason', async () => {
    await expect(createTfjsEngine({ backend: 'webgl' })).rejects.toMatchObject({
      code: 'ENGINE_UNAVAILABLE',
      message: expect.stringContaining('webgl') as string,
    });
    await expect(
      createTfjsEngine({
        backend: 'wasm',
        wasmPaths: {
          'tfjs-backend-wasm.wasm': 'absent.wasm',
          'tfjs-backend-wasm-simd.wasm': 'absent-simd.wasm',
        },
      }),
    ).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
  });
});
