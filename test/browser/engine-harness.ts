import type { Harness } from '../contract/engine-suite.ts';

export const mochaHarness: Harness = {
  describe: (title, body) => void describe(title, body),
  it: (title, body) => void it(title, body),
  before: (body) => before(body),
  after: (body) => after(body),
};
