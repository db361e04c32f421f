import { Option, type Command } from 'commander';
import type { Objective } from '../../src/planner/choice.ts';
import { CODECS, type Codec } from '../../src/planner/codec.ts';
import { parsePositive } from '../flags.ts';
import { usage } from '../terminal.ts';

export interface ObjectiveFlags {
  readonly objective?: 'latency' | 'throughput' | 'fps';
  readonly fps?: number;
  readonly latencyBound?: number;
  readonly prefer?: 'devices' | 'energy';
  readonly codec?: Codec;
}

export function addObjectiveFlags(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--objective <what>',
        'lowest latency, highest rate, or with --fps the fewest devices (default: latency, or fps with --fps)',
      ).choices(['latency', 'throughput', 'fps']),
    )
    .option('--fps <n>', 'frames per second that are to be reached', parsePositive)
    .option('--latency-bound <ms>', 'with throughput: no frame may take longer', parsePositive)
    .addOption(
      new Option('--prefer <what>', 'with --fps: what is to be little (default: devices)').choices([
        'devices',
        'energy',
      ]),
    )
    .addOption(
      new Option(
        '--codec <budget>',
        'how far activations may be rounded on their way: f32 not at all, f16 to half their bytes, u8 to a quarter (default: f32)',
      ).choices([...CODECS]),
    );
}

/** What is to be planned for. Throws `USAGE` where flags contradict each other. */
export function objectiveOf(flags: ObjectiveFlags): Objective {
  const { fps, latencyBound, prefer } = flags;
  const kind = flags.objective ?? (fps === undefined ? 'latency' : 'fps');
  if (fps !== undefined && kind !== 'fps')
    throw usage(`--fps is an objective of its own: leave out --objective ${kind}`);
  if (latencyBound !== undefined && kind !== 'throughput') {
    throw usage('--latency-bound goes with --objective throughput');
  }
  if (prefer !== undefined && kind !== 'fps') throw usage('--prefer goes with --fps');
  if (kind === 'latency') return { kind };
  if (kind === 'throughput')
    return { kind, ...(latencyBound === undefined ? {} : { latencyBoundMs: latencyBound }) };
  if (fps === undefined) throw usage('which rate? Give --fps <n>');
  return { kind: 'rate', framesPerSecond: fps, prefer: prefer ?? 'devices' };
}

/** The codecs up to the budget: the planner decides where the rounding pays. */
export const codecsWithin = (budget: Codec = 'f32'): readonly Codec[] =>
  CODECS.slice(0, CODECS.indexOf(budget) + 1);
