/**
 * Web Test Runner's own reporters move the cursor even where there is no terminal. This one writes plain lines, one
 * per test, with errors and the page's console output where a file failed.
 *
 * @param {{ titleOf: (testFile: string) => string, write: (line: string) => void }} options
 */
export function plainReporter({ titleOf, write }) {
  return {
    reportTestFileResults({ sessionsForTestFile, testFile }) {
      for (const session of sessionsForTestFile) {
        write(`\n${titleOf(testFile)}`);
        if (session.testResults) writeSuite(session.testResults, '  ', write);
        for (const error of session.errors) write(`  ✗ ${describe(error)}`);
        for (const url of session.request404s) write(`  not found: ${url}`);
        if (!session.passed) for (const log of session.logs) write(`  console: ${log.map(asText).join(' ')}`);
      }
    },
  };
}

function writeSuite(suite, indent, write) {
  for (const test of suite.tests) {
    const mark = test.skipped ? '-' : test.passed ? '✓' : '✗';
    const duration = test.duration > 300 ? ` (${Math.round(test.duration)} ms)` : '';
    write(`${indent}${mark} ${test.name}${duration}`);
    if (test.error) write(`${describe(test.error)}`.replaceAll(/^/gm, `${indent}    `));
  }
  for (const inner of suite.suites) {
    write(`${indent}${inner.name}`);
    writeSuite(inner, `${indent}  `, write);
  }
}

function describe({ message, stack, expected, actual }) {
  const lines = [stack?.includes(message) ? stack : `${message}\n${stack ?? ''}`.trimEnd()];
  if (expected !== undefined && actual !== undefined)
    lines.push(`expected: ${expected}`, `actual:   ${actual}`);
  return lines.join('\n');
}

const asText = (value) => (typeof value === 'string' ? value : JSON.stringify(value));
