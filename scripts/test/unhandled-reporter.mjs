import { writeFileSync } from 'node:fs';

/** A Vitest reporter that writes the errors outside of tests, with their causes, to the file `UNHANDLED_REPORT`. */
export default class UnhandledReporter {
  onTestRunEnd(_modules, unhandled) {
    const file = process.env.UNHANDLED_REPORT;
    if (file) writeFileSync(file, JSON.stringify(unhandled.map(withCauses)));
  }
}

/** @param {{ message?: string, cause?: any }} error */
function withCauses(error) {
  const cause = error.cause ? ` ← ${withCauses(error.cause)}` : '';
  return `${error.message ?? String(error)}${cause}`;
}
