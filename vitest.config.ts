import { defineConfig } from 'vitest/config';
import { mutantPlugin } from './test/mutants/mutate.mjs';

const project = (name: string, testTimeout: number, isolate = true) => ({
  // One seeded defect, switched on by `npm run test:mutants`; none in any other run.
  plugins: [mutantPlugin(process.env['PEERCEPTRON_MUTANT'])],
  test: { name, include: [`test/${name}/**/*.test.ts`], testTimeout, hookTimeout: testTimeout, isolate },
});

export default defineConfig({
  test: {
    // Two cores: more workers than that only make every test slower.
    maxWorkers: 2,
    projects: [
      // Pure code: to start 240 processes takes longer than most of its files do.
      project('unit', 60_000, false),
      project('contract', 120_000),
      project('e2e', 180_000),
      project('chaos', 180_000),
    ],
  },
});
