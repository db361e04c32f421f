import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { verdictOf, type Report } from '../../../scripts/mutants/verdict.mjs';
import { mutants } from '../../mutants/mutants.mjs';
import { mutantPlugin, mutate, testFiles } from '../../mutants/mutate.mjs';

const root = fileURLToPath(new URL('../../..', import.meta.url));

describe('the list of seeded defects', () => {
  it('has an id of its own for each, and many', () => {
    expect(new Set(mutants.map(({ id }) => id)).size).toBe(mutants.length);
    expect(mutants.length).toBeGreaterThanOrEqual(20);
  });

  it.each(mutants.map((mutant) => [mutant.id, mutant] as const))(
    '%s: the text that it replaces occurs exactly once, and what comes of it parses',
    (_, mutant) => {
      const source = readFileSync(root + mutant.file, 'utf8');
      const changed = mutate(mutant, source);
      expect(changed).not.toBe(source);
      const { diagnostics } = ts.transpileModule(changed, { reportDiagnostics: true });
      expect(diagnostics).toEqual([]);
      expect(mutant.tests.length).toBeGreaterThan(0);
      for (const name of mutant.tests) expect(existsSync(root + testFiles[name]), name).toBe(true);
    },
  );

  it('refuses a text that does not occur, or more than once', () => {
    const mutant = { id: 'm', breaks: '', file: 'f', find: 'x', replace: 'y', tests: [] };
    expect(mutate(mutant, 'a x b')).toBe('a y b');
    expect(() => mutate(mutant, 'a b')).toThrowError(
      "out of date: the text that 'm' replaces occurs 0 times",
    );
    expect(() => mutate(mutant, 'x x')).toThrowError('occurs 2 times');
  });

  it('is off unless one is asked for by its name', () => {
    const { transform } = mutantPlugin(undefined) as unknown as {
      transform: (source: string, path: string) => unknown;
    };
    for (const { file } of mutants) {
      expect(transform(readFileSync(root + file, 'utf8'), root + file)).toBeUndefined();
    }
    expect(() => mutantPlugin('no-such-mutant')).toThrowError('no-such-mutant');
  });
});

describe('the verdict on a defect', () => {
  const done = (status: number) => ({ ended: 'exited', status }) as const;
  const report = (...tests: Report['files'][number]['tests']): Report => ({
    files: [{ file: 'a.test.ts', errors: [], tests }],
    unhandled: [],
  });
  const passing = { title: 'passes', state: 'passed', errors: [] } as const;
  const failing = (title: string, ...errors: string[]) => ({ title, state: 'failed', errors }) as const;

  it('is "caught" when a test fails, also for the error that the program itself noticed', () => {
    const wrong = failing(
      'differs',
      'Error: Property failed after 3 tests',
      'AssertionError: expected 1 to be 0',
    );
    const refused = failing('refused', 'PeerceptronError: PROTOCOL_ORDER: piece 0 was announced twice');
    expect(verdictOf(done(1), report(passing, wrong, refused))).toEqual({
      verdict: 'caught',
      by: [
        { file: 'a.test.ts', title: 'differs' },
        { file: 'a.test.ts', title: 'refused' },
      ],
    });
  });

  it('is "survived" when all pass', () => {
    expect(verdictOf(done(0), report(passing))).toEqual({ verdict: 'survived' });
  });

  it.each([
    ['a test runner that hangs', { ended: 'timed-out' } as const, undefined],
    ['one that crashes', { ended: 'crashed', reason: 'ended by SIGSEGV' } as const, undefined],
    ['a missing report', done(1), undefined],
    [
      'a test that runs out of time',
      done(1),
      report(passing, failing('t', 'Error: Test timed out in 60000ms.')),
    ],
    [
      'a frame that runs out of time, behind the error of a property',
      done(1),
      report(
        failing('t', 'Error: Property failed', 'PeerceptronError: FRAME_TIMEOUT: frame 0 made no progress'),
      ),
    ],
    ['code that does not run', done(1), report(failing('t', 'ReferenceError: offset is not defined'))],
    ['nothing but skipped tests', done(0), report({ ...passing, state: 'skipped' })],
    [
      'a file that does not load',
      done(1),
      { files: [{ file: 'a.test.ts', errors: ['Error: mutant out of date'], tests: [] }], unhandled: [] },
    ],
    ['an error outside of tests', done(1), { ...report(passing), unhandled: ['Error: somewhere'] }],
  ])('is open after %s', (_, exit, given) => {
    expect(verdictOf(exit, given)).toMatchObject({ verdict: 'undecided' });
  });
});
