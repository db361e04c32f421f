import type { Benchmark } from './benchmark.ts';
import { BENCHMARKS } from './registry.ts';
import { reportOf, tableOf } from './report.ts';

export interface BenchOptions {
  /** `list`, or a name of the registry. */
  readonly name: string;
  readonly json: boolean;
  readonly quick: boolean;
  readonly again: string | undefined;
  /** Of the repository. */
  readonly root: string;
}

const print = (text: string): void => void process.stdout.write(`${text}\n`);
const say = (line: string): void => void process.stderr.write(`bench: ${line}\n`);

/** Runs what is asked for, and prints it. Resolves to the exit code: 0 when it ran, goals met or not; 2 for an unknown name. */
export async function main({ name, json, quick, again, root }: BenchOptions): Promise<number> {
  if (name === 'list') {
    await list(json);
    return 0;
  }
  const load = Object.hasOwn(BENCHMARKS, name) ? BENCHMARKS[name] : undefined;
  if (!load) {
    say(`there is no benchmark "${name}"; known: ${Object.keys(BENCHMARKS).join(', ')}`);
    return 2;
  }
  let pattern: RegExp | undefined;
  try {
    pattern = again === undefined ? undefined : new RegExp(again);
  } catch (thrown) {
    say(`--again: ${String(thrown)}`);
    return 2;
  }
  const rows = await (await load()).run({ quick, say, again: pattern });
  const report = reportOf(name, rows, root);
  print(json ? JSON.stringify(report) : tableOf(report));
  return 0;
}

async function list(json: boolean): Promise<void> {
  const known = await Promise.all(
    Object.entries(BENCHMARKS).map(async ([name, load]) => ({ name, summary: await summaryOf(load) })),
  );
  if (json) return print(JSON.stringify({ benchmarks: known }));
  const width = Math.max(...known.map(({ name }) => name.length));
  for (const { name, summary } of known) print(`${name.padEnd(width)}  ${summary}`);
}

const summaryOf = async (load: () => Promise<Benchmark>): Promise<string> => (await load()).summary;
