import { describe, expect, it } from 'vitest';
import {
  emptyTally,
  finalLine,
  fromBrowserSession,
  fromVitest,
  judge,
  onlyAWorkerDied,
  sum,
} from '../../../scripts/test/tally.mjs';

const passing = { passed: 3, failed: [], skipped: [] };

describe('the final line of npm test', () => {
  it('names skipped tests only when there are any', () => {
    expect(finalLine(passing)).toBe('3 passed, 0 failed');
    expect(finalLine({ passed: 1, failed: ['a'], skipped: ['b', 'c'] })).toBe(
      '1 passed, 1 failed, 2 skipped',
    );
  });

  it('sums all runners', () => {
    const total = sum([passing, { passed: 1, failed: ['a'], skipped: ['b'] }, emptyTally]);
    expect(total).toEqual({ passed: 4, failed: ['a'], skipped: ['b'] });
  });
});

describe('a second run', () => {
  const died = ['[vitest-pool]: Worker forks emitted error. ← Worker exited unexpectedly'];
  const failed = { ended: 'exited', status: 1 } as const;

  it('is for workers that died after their tests had passed', () => {
    expect(onlyAWorkerDied(failed, passing, died)).toBe(true);
  });

  it.each([
    ['a failed test', failed, { ...passing, failed: ['a'] }, died],
    ['an error outside of tests', failed, passing, ['x is not a function']],
    ['a worker that died and another error', failed, passing, [...died, 'x is not a function']],
    ['an unknown reason', failed, passing, []],
    ['a missing report', failed, undefined, died],
    ['a time-out', { ended: 'timed-out' } as const, passing, died],
    ['success', { ended: 'exited', status: 0 } as const, passing, died],
  ])('is not for %s', (_, exit, report, unhandled) => {
    expect(onlyAWorkerDied(exit, report, unhandled)).toBe(false);
  });
});

describe('judging a runner', () => {
  it('takes a good report as it is', () => {
    expect(judge('vitest', { ended: 'exited', status: 0 }, passing)).toEqual(passing);
  });

  it.each([
    ['a time-out', { ended: 'timed-out' } as const, passing],
    ['a crash', { ended: 'crashed', reason: 'ended by SIGSEGV' } as const, passing],
    ['a missing report', { ended: 'exited', status: 0 } as const, undefined],
    ['a run without tests', { ended: 'exited', status: 0 } as const, emptyTally],
    ['a failure that no test explains', { ended: 'exited', status: 1 } as const, passing],
  ])('counts %s as one failure', (_, exit, report) => {
    expect(judge('vitest', exit, report).failed).toHaveLength(1);
  });

  it('does not count a failing exit twice', () => {
    const failing = { passed: 1, failed: ['a'], skipped: [] };
    expect(judge('vitest', { ended: 'exited', status: 1 }, failing)).toEqual(failing);
  });
});

describe('reading reports', () => {
  it('counts a Vitest file that does not load as one failure, and one that was not begun as skipped', () => {
    const tally = fromVitest({
      testResults: [
        { name: 'broken.test.ts', status: 'failed', message: 'SyntaxError\n at x', assertionResults: [] },
        {
          name: 'good.test.ts',
          status: 'passed',
          message: '',
          assertionResults: [
            { status: 'passed', fullName: 'a' },
            { status: 'pending', fullName: 'b (skipped: no realdata)' },
            { status: 'failed', fullName: 'c' },
          ],
        },
        { name: 'late.test.ts', status: 'passed', message: '', assertionResults: [] },
      ],
    });
    expect(tally).toEqual({
      passed: 1,
      failed: ['broken.test.ts: SyntaxError', 'c'],
      skipped: ['b (skipped: no realdata)', 'late.test.ts: not begun'],
    });
  });

  it('walks nested suites of a browser session and counts an error outside of tests', () => {
    const inner = {
      name: 'inner',
      suites: [],
      tests: [
        { name: 'works', passed: true, skipped: false },
        { name: 'waits', passed: false, skipped: true },
      ],
    };
    const session = {
      passed: false,
      errors: [{ message: 'the page crashed\nsomewhere' }],
      testResults: { name: '', tests: [], suites: [{ name: 'outer', tests: [], suites: [inner] }] },
    };
    expect(fromBrowserSession(session, 'a.test.ts')).toEqual({
      passed: 1,
      failed: ['a.test.ts: the page crashed'],
      skipped: ['a.test.ts: outer inner waits'],
    });
  });

  it('counts a browser session that never ran', () => {
    expect(fromBrowserSession({ passed: false, errors: [] }, 'a.test.ts').failed).toEqual([
      'a.test.ts: could not be run',
    ]);
  });
});
