import type { Benchmark } from './benchmark.ts';

/** By name; each is loaded only when it is asked for. To add one: a file beside this, and a line here. */
export const BENCHMARKS: Readonly<Record<string, () => Promise<Benchmark>>> = {
  codec: async () => (await import('./codec.ts')).codec,
  conv3d: async () => (await import('./conv3d.ts')).conv3d,
  engines: async () => (await import('./engines.ts')).engines,
  overhead: async () => (await import('./overhead.ts')).overhead,
  weights: async () => (await import('./weights.ts')).weights,
  prediction: async () => (await import('./prediction.ts')).prediction,
  pipeline: async () => (await import('./pipeline.ts')).pipeline,
  recovery: async () => (await import('./recovery.ts')).recovery,
  planner: async () => (await import('./planner.ts')).planner,
  profile: async () => (await import('./profile.ts')).profile,
  farm: async () => (await import('./farm.ts')).farm,
  transport: async () => (await import('./transport.ts')).transport,
  idle: async () => (await import('./idle.ts')).idleCosts,
};
