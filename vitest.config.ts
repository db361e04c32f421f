import { createRequire } from 'node:module';
import { defineConfig } from 'vitest/config';
import { mutantPlugin } from './test/mutants/mutate.mjs';

/** Where there is one: what `auto` would choose in each of some 200 processes, after it has started and timed all engines. */
const processEnv: Readonly<Record<string, string>> = hasNativeEngine()
  ? { PEERCEPTRON_ENGINE: 'native' }
  : {};

function hasNativeEngine(): boolean {
  try {
    createRequire(import.meta.url)('onnxruntime-node');
    return true;
  } catch {
    return false;
  }
}

interface ProjectOptions {
  readonly isolate?: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

const project = (name: string, testTimeout: number, { isolate = true, env = {} }: ProjectOptions = {}) => ({
  // One seeded defect, switched on by `npm run test:mutants`; none in any other run.
  plugins: [mutantPlugin(process.env['PEERCEPTRON_MUTANT'])],
  test: { name, include: [`test/${name}/**/*.test.ts`], testTimeout, hookTimeout: testTimeout, isolate, env },
});

export default defineConfig({
  test: {
    // Two cores: more workers than that only make every test slower.
    maxWorkers: 2,
    projects: [
      // Pure code: to start 240 processes takes longer than most of its files do.
      project('unit', 60_000, { isolate: false }),
      project('contract', 120_000),
      project('e2e', 180_000, { env: processEnv }),
      project('chaos', 180_000, { env: processEnv }),
    ],
  },
});
