import type { NetworkName } from '../../src/models/presets.ts';
import type { PeerId } from '../../src/shared/ids.ts';
import type { CellKey, CellResult } from './cells.ts';
import type { LayoutMethod } from './baselines/layouts.ts';

/** What the suite asks of the device that has the inputs. One answer for each, in order. */
export type RequesterCommand =
  /** Waits until so many peers are in the room and connected, and has them measure themselves. */
  | { readonly type: 'gather'; readonly count: number }
  /** Chooses a plan for these peers, by links that are measured once for each rate of the network. */
  | {
      readonly type: 'plan';
      readonly network: NetworkName;
      readonly method: 'ours' | LayoutMethod;
      readonly objective: CellKey['objective'];
      readonly latencyBoundMs?: number;
      /** `share`: of its processor, that it computes with. */
      readonly peers: readonly { readonly id: PeerId; readonly share: number }[];
      /** Of every device's link. */
      readonly megabitsPerSecond: number;
      /** That plans may take of each peer. */
      readonly memoryBytes: number;
      /** Of the input. */
      readonly seed: number;
    }
  /** Deals the plan out, and runs frames that count for nothing: every peer is ready and warm, and knows what its tiles take undisturbed. */
  | { readonly type: 'open'; readonly traced: boolean }
  | { readonly type: 'run'; readonly frames: number }
  /** Where the time of a frame goes, in a session that is traced: that takes messages, which cost time. */
  | { readonly type: 'trace'; readonly frames: number }
  | { readonly type: 'close' };

export interface Planned {
  readonly predicted: { readonly latencyMs: number; readonly framesPerSecond: number };
  readonly used: readonly PeerId[];
  /** Equal where plans are, and the frames in flight, but for the devices' names. */
  readonly plan: string;
}

export type Where = NonNullable<CellResult['where']>;

export interface Run {
  /** Of the frames that count. */
  readonly latenciesMs: readonly number[];
  readonly framesPerSecond: number;
  /** All that ran, those that fill the pipeline included, and the time from the first's beginning to the last's end. */
  readonly frames: number;
  readonly elapsedMs: number;
  /** Of the last one. */
  readonly output: readonly number[];
}

export interface RequesterAnswers {
  gather: readonly { readonly id: PeerId; readonly name: string }[];
  plan: Planned | { readonly refused: string };
  open: undefined;
  run: Run;
  trace: Where;
  close: undefined;
}

/** The first one says that the program has joined. */
export type RequesterReply =
  | { readonly ok: true; readonly value: RequesterAnswers[keyof RequesterAnswers] }
  | { readonly ok: false; readonly code: string; readonly message: string };
