import { expect } from 'chai';
import { chooseFastestEngine } from '../../src/engine/choose-fastest.ts';
import { timeEngine } from '../../src/engine/time-engine.ts';
import { startBrowserEngine } from '../../src/engine/worker-host-browser.ts';
import type { EngineBackend } from '../../src/engine/worker-protocol.ts';
import { systemClock } from '../../src/mesh/system-clock.ts';

describe('the fastest engine of this browser', () => {
  it('is one that was started and timed, beside others that were', async () => {
    const times = new Map<string, number>();
    const candidates: readonly EngineBackend[] = ['webgl', 'wasm'];
    const { engine, candidate, refused } = await chooseFastestEngine(
      candidates,
      [],
      (backend) => startBrowserEngine({ backend }),
      {
        clock: systemClock,
        time: async (started) => {
          const ms = await timeEngine(started, systemClock);
          times.set(started.name, ms);
          return ms;
        },
        // A card that is emulated on a busy machine.
        limitMs: 120_000,
      },
    );
    expect([...times.keys()]).to.deep.equal(['tfjs-webgl', 'tfjs-wasm']);
    expect(times.get(engine.name)).to.equal(Math.min(...times.values()));
    const other = candidates.find((each) => each !== candidate);
    expect(refused.map((each) => each.candidate)).to.deep.equal([other]);
    expect(refused[0]!.reason).to.contain('slower: ');
    await engine.dispose();
  });
});
