/**
 * @typedef {{ passed: number, failed: readonly string[], skipped: readonly string[] }} Tally
 * `failed` and `skipped` hold titles, so that nothing is counted without a name.
 */

/** @type {Tally} */
export const emptyTally = { passed: 0, failed: [], skipped: [] };

/**
 * @param {readonly Tally[]} tallies
 * @returns {Tally}
 */
export function sum(tallies) {
  return {
    passed: tallies.reduce((total, { passed }) => total + passed, 0),
    failed: tallies.flatMap(({ failed }) => failed),
    skipped: tallies.flatMap(({ skipped }) => skipped),
  };
}

/** @param {Tally} tally */
export function finalLine({ passed, failed, skipped }) {
  const counts = `${passed} passed, ${failed.length} failed`;
  return skipped.length > 0 ? `${counts}, ${skipped.length} skipped` : counts;
}

/**
 * What a runner reported, judged together with how its process ended: a crash, a time-out, a silent failure and a run
 * without tests are failures of their own.
 *
 * @param {string} runner
 * @param {{ ended: 'exited', status: number } | { ended: 'timed-out' } | { ended: 'crashed', reason: string }} exit
 * @param {Tally | undefined} reported
 * @returns {Tally}
 */
export function judge(runner, exit, reported) {
  const tally = reported ?? emptyTally;
  const because = (reason) => ({ ...tally, failed: [...tally.failed, `${runner}: ${reason}`] });
  switch (exit.ended) {
    case 'timed-out':
      return because('did not finish in time and was ended');
    case 'crashed':
      return because(exit.reason);
    default:
      if (!reported) return because(`exit code ${exit.status}, and no report was written`);
      if (tally.passed + tally.failed.length === 0) return because('ran no test');
      if (exit.status !== 0 && tally.failed.length === 0)
        return because(`exit code ${exit.status} although no test failed; see its output above`);
      return tally;
  }
}

/**
 * Every test passed, and all that went wrong is that worker processes crashed while they ended.
 *
 * @param {{ ended: 'exited', status: number } | { ended: 'timed-out' } | { ended: 'crashed', reason: string }} exit
 * @param {Tally | undefined} reported
 * @param {readonly string[]} unhandled errors outside of tests
 */
export function onlyAWorkerDied(exit, reported, unhandled) {
  if (exit.ended !== 'exited' || exit.status === 0 || !reported) return false;
  const died = unhandled.length > 0 && unhandled.every((error) => /Worker exited unexpectedly/.test(error));
  return died && reported.passed > 0 && reported.failed.length === 0;
}

/**
 * Vitest's JSON report. A file that could not be loaded has no tests of its own and counts as one failure, one that was not begun as one
 * that is skipped.
 *
 * @param {any} report
 * @returns {Tally}
 */
export function fromVitest(report) {
  const tally = { passed: 0, failed: [], skipped: [] };
  for (const file of report.testResults) {
    if (file.status === 'failed' && !file.assertionResults.some(({ status }) => status === 'failed')) {
      tally.failed.push(`${file.name}: ${firstLine(file.message) || 'could not be run'}`);
    } else if (file.assertionResults.length === 0) tally.skipped.push(`${file.name}: not begun`);
    for (const { status, fullName } of file.assertionResults) {
      if (status === 'passed') tally.passed++;
      else if (status === 'failed') tally.failed.push(fullName);
      else tally.skipped.push(fullName);
    }
  }
  return tally;
}

const firstLine = (text) => (text ?? '').trim().split('\n')[0];

/**
 * One test file as Web Test Runner saw it. Errors outside of tests (a module that does not load, a page that hangs)
 * count as one failure.
 *
 * @param {{ passed?: boolean, errors: readonly { message: string }[], testResults?: any }} session
 * @param {string} file
 * @returns {Tally}
 */
export function fromBrowserSession(session, file) {
  const tally = { passed: 0, failed: [], skipped: [] };
  const visit = (suite, path) => {
    for (const test of suite.tests) {
      const title = [...path, test.name].join(' ');
      if (test.skipped) tally.skipped.push(title);
      else if (test.passed) tally.passed++;
      else tally.failed.push(title);
    }
    for (const inner of suite.suites) visit(inner, [...path, inner.name]);
  };
  if (session.testResults) visit(session.testResults, [`${file}:`]);
  if (session.errors.length > 0) tally.failed.push(`${file}: ${firstLine(session.errors[0].message)}`);
  else if (!session.passed && tally.failed.length === 0) tally.failed.push(`${file}: could not be run`);
  return tally;
}
