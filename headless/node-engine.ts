import { Option } from 'commander';
import { availableParallelism } from 'node:os';
import { chooseFastestEngine } from '../src/engine/choose-fastest.ts';
import { chooseEngine, type ChosenEngine } from '../src/engine/choose.ts';
import type { Engine } from '../src/engine/engine.ts';
import { requireNativePackage } from '../src/engine/native-library.ts';
import { startNodeEngine } from '../src/engine/worker-host-node.ts';
import { systemClock } from '../src/mesh/system-clock.ts';
import { nativeFolders } from './engine-package.ts';
import { usage } from './terminal.ts';

export const ENGINE_NAMES = ['auto', 'native', 'wasm', 'cpu', 'reference'] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];
export type NodeBackend = Exclude<EngineName, 'auto'>;

/** Worth a comparison; the others are slower by far, and for where neither of these works. */
const FAST: readonly NodeBackend[] = ['native', 'wasm'];
const FALLBACKS: readonly NodeBackend[] = ['cpu', 'reference'];

export function parseEngineName(text: string): EngineName {
  const name = ENGINE_NAMES.find((known) => known === text);
  if (!name) throw usage(`'${text}' is no engine: choose ${ENGINE_NAMES.join(', ')}`);
  return name;
}

/** `--engine`, for commander. */
export const engineOption = (description: string): Option =>
  new Option('--engine <engine>', description).choices([...ENGINE_NAMES]).default('auto');

export interface StartEngineOptions {
  /** That compute a tile together, on native and wasm; default: as many as there are cores. */
  readonly threads?: number;
}

/**
 * Starts an engine in a worker thread; `auto` compares those that are fast, and takes the fastest that computes right.
 * @throws ENGINE_UNAVAILABLE with the reason of every one that was tried.
 */
export async function startEngine(
  name: EngineName,
  options: StartEngineOptions = {},
): Promise<ChosenEngine<NodeBackend>> {
  const start = (backend: NodeBackend): Promise<Engine> => startBackend(backend, options);
  return name === 'auto'
    ? chooseFastestEngine(FAST, FALLBACKS, start, { clock: systemClock })
    : chooseEngine([name], start);
}

/** One engine, whatever its numbers. */
export async function startBackend(
  backend: NodeBackend,
  { threads = availableParallelism() }: StartEngineOptions = {},
): Promise<Engine> {
  if (backend !== 'native') return startNodeEngine({ backend, threads });
  const folders = nativeFolders();
  // Before a thread is started for nothing.
  requireNativePackage(folders);
  return startNodeEngine({ backend, folders, threads });
}
