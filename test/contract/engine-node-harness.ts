import { afterAll, beforeAll, describe, it } from 'vitest';
import type { Harness } from './engine-suite.ts';

export const vitestHarness: Harness = {
  describe: (title, body) => void describe(title, body),
  it: (title, body) => void it(title, body),
  before: (body) => beforeAll(body),
  after: (body) => afterAll(body),
};
