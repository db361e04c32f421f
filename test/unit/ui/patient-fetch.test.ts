import { describe, expect, it } from 'vitest';
import { patientFetch } from '../../../src/ui/patient-fetch.ts';
import { FakeClock } from '../mesh/fake-clock.ts';

describe('a fetch that waits for its server', () => {
  it('asks less and less often, says so, and gives the first answer, whatever it is', async () => {
    const clock = new FakeClock();
    const askedMs: number[] = [];
    let isServed = false;
    let answers = 0;
    const silences: string[] = [];
    const load = patientFetch({
      load: async () => {
        askedMs.push(clock.now());
        if (!isServed) throw new TypeError('Failed to fetch');
        return new Response('Not found', { status: 404 });
      },
      clock,
      onSilence: ({ code }) => silences.push(code),
      onAnswer: () => answers++,
    });
    const response = load(new URL('https://pi.local/config.json'));
    await clock.advance(60_000);
    expect(askedMs).toEqual([0, 2000, 6000, 14_000, 29_000, 44_000, 59_000]);
    expect(new Set(silences)).toEqual(new Set(['SIGNALING_UNREACHABLE']));
    expect(answers).toBe(0);
    isServed = true;
    await clock.advance(15_000);
    expect((await response).status).toBe(404);
    expect(answers).toBe(1);
    expect(clock.pending).toBe(0);
  });

  it('says nothing where the server answers at once', async () => {
    const clock = new FakeClock();
    let said = 0;
    const load = patientFetch({
      load: async () => new Response('{}'),
      clock,
      onSilence: () => said++,
      onAnswer: () => said++,
    });
    expect((await load(new URL('https://pi.local/config.json'))).ok).toBe(true);
    expect(said).toBe(0);
  });
});
