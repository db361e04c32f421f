import * as v from 'valibot';
import { NETWORK_NAMES } from '../../../src/models/presets.ts';
import { PeerceptronError, type ErrorCode } from '../../../src/shared/errors.ts';
import { RUNTIMES } from './solo-model.ts';

const positive = v.pipe(v.number(), v.integer(), v.minValue(1));

const commandSchema = v.variant('type', [
  v.strictObject({
    type: v.literal('load'),
    runtime: v.picklist(RUNTIMES),
    network: v.picklist(NETWORK_NAMES),
    /** Another size than published. */
    options: v.exactOptional(
      v.strictObject({
        inputShape: v.exactOptional(v.array(positive)),
        width: v.exactOptional(v.pipe(v.number(), v.gtValue(0))),
        classes: v.exactOptional(positive),
      }),
    ),
    /** Runs one frame that counts for nothing; by default it does. */
    warmUp: v.exactOptional(v.boolean()),
  }),
  /** Of one core of this machine, from the next frame on: what `join --share` gives a mesh. */
  v.strictObject({ type: v.literal('share'), share: v.pipe(v.number(), v.gtValue(0), v.maxValue(1)) }),
  v.strictObject({
    type: v.literal('run'),
    /** Of the input: `soloInput`. */
    seed: v.pipe(v.number(), v.integer(), v.minValue(0)),
    /** Whether the answer holds the output; by default it does not. */
    output: v.exactOptional(v.boolean()),
  }),
]);

/** One line of the process' standard input. It answers them one after the other, each with one line; it ends at once when its input does. */
export type SoloCommand = v.InferOutput<typeof commandSchema>;
export type LoadCommand = Extract<SoloCommand, { readonly type: 'load' }>;

/** Of the whole process, bytes; absent where the system does not tell. */
export interface Resident {
  readonly now: number;
  /** Of a frame: since the network was loaded. Of the loading: since the process started. */
  readonly most: number;
}

export interface SoloLoaded {
  readonly type: 'loaded';
  /** At full speed, the making of the weights and the warm-up included. */
  readonly loadMs: number;
  readonly resident?: Resident;
}

export interface SoloFrame {
  readonly type: 'frame';
  /** As the device would have it that is this share of a core. */
  readonly latencyMs: number;
  /** Of the thread that computes. */
  readonly processorMs: number;
  readonly resident?: Resident;
  readonly output?: readonly number[];
}

/** One line of the process' standard output. */
export type SoloReply =
  | SoloLoaded
  | SoloFrame
  | { readonly type: 'share'; readonly share: number }
  | { readonly type: 'error'; readonly code: ErrorCode; readonly message: string };

/** @throws USAGE naming what is wrong. */
export function parseSoloCommand(line: string): SoloCommand {
  let raw: unknown;
  try {
    raw = JSON.parse(line);
  } catch {
    throw new PeerceptronError('USAGE', `'${line.slice(0, 80)}' is not JSON: write one command per line`);
  }
  const result = v.safeParse(commandSchema, raw);
  if (result.success) return result.output;
  const issue = result.issues[0];
  throw new PeerceptronError('USAGE', `command: ${v.getDotPath(issue) ?? '(root)'}: ${issue.message}`);
}
