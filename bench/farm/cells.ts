import type { Machine } from '../report.ts';
import type { NetworkName } from '../../src/models/presets.ts';

/** How the work of a cell is dealt out. */
export type Method =
  /** What the planner chooses. */
  | 'ours'
  /** `predict` of TensorFlow.js on its wasm backend, on one device without a memory limit. */
  | 'tfjs'
  /** onnxruntime-web (wasm, one thread), likewise. */
  | 'onnxruntime-web'
  /** The layouts of arXiv:1901.02537, on our runtime. */
  | 'paper'
  /** The best plan that knows one kind of split only. */
  | 'pipeline'
  | 'spatial'
  | 'channel'
  | 'lanes'
  /** Every device gets an equal part, whatever its speed. */
  | 'equal';

export interface CellKey {
  readonly method: Method;
  readonly network: NetworkName;
  /** Of the farm; a plan may use fewer. Of the paper's layouts their own number, the device that only sends included. */
  readonly devices: number;
  readonly objective: 'latency' | 'throughput';
  /** Of every device's link, each way. */
  readonly megabitsPerSecond: number;
  /** That no frame in flight may take longer than, where a rate is planned within such a bound. */
  readonly latencyBoundMs?: number;
  /** Of a farm whose devices are not alike: its file. */
  readonly farm?: string;
}

/** Processor time, per frame and device that the plan uses; milliseconds of this machine. */
export interface CellProcessors {
  readonly computeMs: number;
  readonly otherMs: number;
}

export interface CellOrigin {
  /** When, ISO 8601. */
  readonly at: string;
  /** Of the program, where that is another one than the run's. */
  readonly commit?: string | null;
}

export interface CellResult extends CellKey, CellOrigin {
  readonly state: 'measured';
  /** That the figures are of. */
  readonly frames: number;
  /** From the requester's first byte to the whole answer, by frame, in the order of the frames. */
  readonly latenciesMs: readonly number[];
  readonly framesPerSecond: number;
  /** By the planner, before the first frame, of as many frames in flight as were measured. */
  readonly predicted?: { readonly latencyMs: number; readonly framesPerSecond: number };
  /** Equal where plans are, but for which of the devices that are alike compute what. */
  readonly plan?: string;
  /** The cell of such a plan that was measured, where this one was not. */
  readonly sameAs?: string;
  /** Devices that the plan uses. */
  readonly used: number;
  /** What all devices send of one frame, the requester included. */
  readonly bytesPerFrame: number;
  readonly processors: CellProcessors;
  /** Resident, of the devices that the plan uses. */
  readonly memoryBytes: { readonly mean: number; readonly most: number };
  /** Of all devices that the plan uses, by the Pi's power model. */
  readonly joulesPerFrame: number;
  /** Largest difference from the unsplit model, over its largest value. */
  readonly difference: number;
  /** Where the time of a frame goes, along its critical path: shares that sum to 1. Absent: not traced. */
  readonly where?: { readonly compute: number; readonly link: number; readonly wait: number };
}

/** A cell that cannot be: a plan that does not fit, a network that a runtime cannot run. */
export interface CellRefused extends CellKey, CellOrigin {
  readonly state: 'refused';
  readonly why: string;
}

export type Cell = CellResult | CellRefused;

/** How the farm was set, and what it cannot do better. */
export interface Calibration {
  /** Of one core of this machine, for what a device computes; and as much for all else that it does. */
  readonly share: number;
  /** One frame of VGG16 on one device, and what it takes on a Raspberry Pi 3. */
  readonly vgg16Ms: number;
  readonly goalMs: number;
  /** There and back between two devices that are limited and otherwise idle. */
  readonly hopMs: { readonly smallP50: number; readonly smallP95: number; readonly megabyteP50: number };
  /** `namespaces`: real links; `portable`: loopback, and only computing is held back. */
  readonly kind: 'namespaces' | 'portable';
}

/** What is kept between runs, committed, and made into docs/benchmarks.md. */
export interface FarmRun {
  readonly commit: string | null;
  readonly machine: Machine;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly finishedAt?: string;
  readonly command: string;
  readonly calibration: Calibration;
  readonly cells: readonly Cell[];
}

export const keyOf = (cell: CellKey): string =>
  [
    cell.method,
    cell.network,
    cell.devices,
    cell.objective,
    cell.megabitsPerSecond,
    ...(cell.latencyBoundMs === undefined ? [] : [`${cell.latencyBoundMs}ms`]),
    ...(cell.farm ? [cell.farm] : []),
  ].join('/');

/** Of a cell, or of one that is to be measured. */
export const onlyKey = ({
  method,
  network,
  devices,
  objective,
  megabitsPerSecond,
  latencyBoundMs,
  farm,
}: CellKey): CellKey => ({
  method,
  network,
  devices,
  objective,
  megabitsPerSecond,
  ...(latencyBoundMs === undefined ? {} : { latencyBoundMs }),
  ...(farm === undefined ? {} : { farm }),
});
