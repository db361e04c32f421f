import { chooseEngine, type ChosenEngine } from '../src/engine/choose.ts';
import { startNodeEngine } from '../src/engine/worker-host-node.ts';
import { usage } from './terminal.ts';

export const ENGINE_NAMES = ['auto', 'wasm', 'cpu', 'reference'] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];
type Backend = Exclude<EngineName, 'auto'>;

export function parseEngineName(text: string): EngineName {
  const name = ENGINE_NAMES.find((known) => known === text);
  if (!name) throw usage(`'${text}' is no engine: choose ${ENGINE_NAMES.join(', ')}`);
  return name;
}

/** Starts an engine in a worker thread; `auto` takes the first that works and computes right. */
export async function startEngine(name: EngineName): Promise<ChosenEngine<Backend>> {
  const candidates: readonly Backend[] = name === 'auto' ? ['wasm', 'cpu', 'reference'] : [name];
  return chooseEngine(candidates, (backend) => startNodeEngine({ backend }));
}
