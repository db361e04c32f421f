import { describe, expect, it } from 'vitest';
import { PeerceptronError } from '../../../src/shared/errors.ts';
import { Trial, type RoomAsker } from '../../../src/ui/trial.ts';
import { initialTrialState, reduceTrial, type TrialEvent } from '../../../src/ui/trial-state.ts';
import { FakeClock } from '../mesh/fake-clock.ts';

function setUp({ fails = [] as readonly ('open' | 'run')[] } = {}) {
  const clock = new FakeClock();
  const events: TrialEvent[] = [];
  const calls: string[] = [];
  const failures = [...fails];
  const fail = (at: 'open' | 'run'): void => {
    if (failures[0] !== at) return;
    failures.shift();
    throw new PeerceptronError('PLAN_NO_PEERS', `no ${at}`);
  };
  let runs: (() => void)[] = [];
  const asker: RoomAsker = {
    run: async () => {
      calls.push('run');
      fail('run');
      await new Promise<void>((resolve) => runs.push(resolve));
      return { latencyMs: 3 };
    },
    close: async () => {
      calls.push('close');
    },
  };
  const trial = new Trial({
    clock,
    dispatch: (event) => events.push(event),
    open: async () => {
      calls.push('open');
      fail('open');
      return asker;
    },
  });
  return {
    clock,
    calls,
    events,
    trial,
    /** Presses the button, and ends the run that this starts. */
    runThrough: async () => {
      const done = trial.run();
      await expect.poll(() => runs.length).toBe(1);
      for (const end of runs) end();
      runs = [];
      await done;
    },
    state: () => events.reduce(reduceTrial, initialTrialState),
  };
}

describe('the trial', () => {
  it('opens nothing before it is asked for, and uses for later runs what is open', async () => {
    const { trial: _, calls, events, runThrough, state } = setUp();
    expect(calls).toEqual([]);
    await runThrough();
    await runThrough();
    expect(calls).toEqual(['open', 'run', 'run']);
    expect(events.filter(({ type }) => type === 'started')).toEqual([
      { type: 'started', isOpen: false },
      { type: 'started', isOpen: true },
    ]);
    expect(state()).toMatchObject({ isDone: true, measured: { latencyMs: 3 } });
  });

  it('closes the session a minute after the last run, and opens a new one then', async () => {
    const { clock, calls, runThrough } = setUp();
    await runThrough();
    await clock.advance(59_000);
    await runThrough();
    await clock.advance(59_999);
    expect(calls).toEqual(['open', 'run', 'run']);
    await clock.advance(1);
    expect(calls).toEqual(['open', 'run', 'run', 'close']);
    await runThrough();
    expect(calls.slice(4)).toEqual(['open', 'run']);
  });

  it('takes a press during a run for none', async () => {
    const { trial, calls, events, runThrough } = setUp();
    const first = runThrough();
    await trial.run();
    await first;
    expect(calls).toEqual(['open', 'run']);
    expect(events.filter(({ type }) => type === 'started')).toHaveLength(1);
  });

  it('tells what goes wrong, and starts anew at the next press', async () => {
    const { trial, calls, state, runThrough } = setUp({ fails: ['open', 'run'] });
    await trial.run();
    expect(state()).toMatchObject({ problem: { code: 'PLAN_NO_PEERS', message: 'no open' } });
    expect(state().doing).toBeUndefined();
    await trial.run();
    expect(state()).toMatchObject({ problem: { message: 'no run' } });
    expect(calls).toEqual(['open', 'open', 'run', 'close']);
    await runThrough();
    expect(calls.slice(4)).toEqual(['open', 'run']);
    expect(state().problem).toBeUndefined();
  });

  it('is over when the page is left: the session is closed, and nothing starts again', async () => {
    const { trial, clock, calls, events, runThrough } = setUp();
    await runThrough();
    await trial.close();
    await clock.advance(120_000);
    const told = events.length;
    await trial.run();
    expect(calls).toEqual(['open', 'run', 'close']);
    expect(events).toHaveLength(told);
  });
});

describe('the state of the trial', () => {
  const expected = { latencyMs: 4, framesPerSecond: 250 };
  const plan = { epoch: 0, expected, devices: ['Pi'], offeredCount: 2, window: 1, leftOut: [] };
  const fold = (...events: readonly TrialEvent[]) => events.reduce(reduceTrial, initialTrialState);
  const started: TrialEvent = { type: 'started', isOpen: false };
  const doing = (step: 'planning' | 'asking'): TrialEvent => ({ type: 'doing', doing: { step } });
  const loading: TrialEvent = {
    type: 'doing',
    doing: { step: 'loading', loadedBytes: 1, totalBytes: 2 },
  };
  const answered: TrialEvent = {
    type: 'answered',
    answer: { url: 'a/3-print.png', shown: '3', answer: '3', score: 0.9 },
  };
  const finished: TrialEvent = { type: 'finished', measured: { latencyMs: 4, framesPerSecond: 200 } };

  it('goes through its steps', () => {
    expect(fold(started, doing('planning'), loading).doing).toEqual({
      step: 'loading',
      loadedBytes: 1,
      totalBytes: 2,
    });
    const end = fold(started, loading, { type: 'planned', plan }, doing('asking'), answered, finished);
    expect(end).toEqual({
      plan,
      answers: [{ url: 'a/3-print.png', shown: '3', answer: '3', score: 0.9 }],
      measured: { latencyMs: 4, framesPerSecond: 200 },
      isDone: true,
    });
  });

  it('shows what runs while another plan loads beside it, and nothing of what loads between two runs', () => {
    expect(fold(started, doing('asking'), loading).doing).toEqual({ step: 'asking' });
    expect(fold(started, doing('asking'), finished, loading).doing).toBeUndefined();
  });

  it('keeps no measurement beside a plan that it was not made with', () => {
    const end = fold(started, { type: 'planned', plan }, finished, {
      type: 'planned',
      plan: { ...plan, epoch: 1, devices: ['Laptop'] },
    });
    expect(end.measured).toBeUndefined();
    expect(end.plan?.devices).toEqual(['Laptop']);
  });

  it('keeps what was measured, and what was expected of it, while only the room changes', () => {
    const end = fold(started, { type: 'planned', plan }, finished, {
      type: 'planned',
      plan: { ...plan, offeredCount: 3, expected: { ...expected, latencyMs: 5 } },
    });
    expect(end).toMatchObject({
      measured: { latencyMs: 4, framesPerSecond: 200 },
      plan: { offeredCount: 3, expected: { latencyMs: 4 } },
    });
  });

  it('forgets answers, and a plan only when its session is closed', () => {
    const once = [started, { type: 'planned', plan }, answered, finished] as const;
    expect(fold(...once, { type: 'started', isOpen: true })).toEqual({
      plan,
      answers: [],
      isDone: false,
      doing: { step: 'connecting' },
    });
    expect(fold(...once, started).plan).toBeUndefined();
  });
});
