/** A test that only ran out of time proves nothing: the machine may have been slow. */
const ranOutOfTime = /(Test|Hook) timed out|FRAME_TIMEOUT/;
/** The defect itself is broken code. */
const brokenCode = /^(SyntaxError|ReferenceError)|PARSE_ERROR|mutant out of date/;

/**
 * What a run of tests says about the defect that was switched on.
 *
 * @param {{ ended: 'exited', status: number } | { ended: 'timed-out' } | { ended: 'crashed', reason: string }} exit
 * @param {import('./verdict.mjs').Report | undefined} report of `failures-reporter.mjs`, if it was written
 * @returns {import('./verdict.mjs').Verdict}
 */
export function verdictOf(exit, report) {
  const undecided = (reason) => ({ verdict: 'undecided', reason });
  if (exit.ended === 'timed-out') return undecided('the tests did not finish in time');
  if (exit.ended === 'crashed') return undecided(`the tests were ${exit.reason}`);
  if (!report) return undecided(`exit code ${exit.status}, and no report was written`);

  const tests = report.files.flatMap(({ file, tests }) => tests.map((test) => ({ ...test, file })));
  const failed = tests.filter(({ state }) => state === 'failed');
  const broken = [...failed, ...report.files]
    .flatMap(({ errors }) => errors)
    .find((error) => brokenCode.test(error));
  if (broken) return undecided(broken);
  const notLoaded = report.files.find(({ errors, tests }) => errors.length > 0 || tests.length === 0);
  if (notLoaded)
    return undecided(`${notLoaded.file} did not load: ${notLoaded.errors[0] ?? 'it has no tests'}`);

  const by = failed.filter(({ errors }) => !errors.some((error) => ranOutOfTime.test(error)));
  if (by.length > 0) return { verdict: 'caught', by: by.map(({ file, title }) => ({ file, title })) };
  if (failed.length > 0) return undecided(`${failed.length} tests ran out of time, none failed otherwise`);
  if (report.unhandled.length > 0) return undecided(`an error outside of tests: ${report.unhandled[0]}`);
  if (!tests.some(({ state }) => state === 'passed')) return undecided('no test ran');
  return { verdict: 'survived' };
}
