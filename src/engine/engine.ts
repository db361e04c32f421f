import type { TileProgram } from '../graph/tile-program.ts';
import type { Accuracy } from '../shared/accuracy.ts';
import type { WeightStorage } from '../shared/weight-storage.ts';

/** Of outputs that were given back, an engine keeps no more than this. */
export const SPARE_OUTPUT_BYTES = 32 * 1024 * 1024;

export interface EngineMemory {
  /** Live tensors that the engine holds: constant between frames, or there is a leak. */
  readonly tensors: number;
  readonly bytes: number;
}

/**
 * Runs tiles. Implementations: plain loops (`reference.ts`), tfjs (`tfjs.ts`), either one behind a worker thread.
 * One contract suite holds for all of them.
 */
export interface Engine {
  /** For people and reports: `reference`, `tfjs-wasm`, … */
  readonly name: string;
  readonly accuracy: Accuracy;
  /** What plans may count on; absent: `packed`. */
  readonly weightStorage?: WeightStorage;
  /**
   * Takes over `weights` (one buffer per entry of `program.weights`, in that order; the buffers may be transferred
   * away) and gets ready to run, warm-up included. Weights that a loaded tile holds already, bit by bit, are held once
   * for both where the engine can tell (all but those on a GPU).
   * @throws ENGINE_MEMORY when the tile does not fit, ENGINE_FAILED otherwise.
   */
  load(program: TileProgram, weights: readonly Float32Array[]): Promise<LoadedTile>;
  memory(): Promise<EngineMemory>;
  /**
   * From now on runs take as long as on a device with this part of the processor, above 0 and at most 1: results are held
   * back, and the thread rests meanwhile. Loading is not held back. With `steady`, for machines that play several devices: as
   * long as on a device that nobody disturbs. Absent: the engine cannot.
   */
  setShare?(share: number, steady?: boolean): Promise<void>;
  /** Frees everything; loaded tiles are dead afterwards. */
  dispose(): Promise<void>;
}

export interface LoadedTile {
  /**
   * `inputs`: one complete buffer per entry of `program.inputs`, in that order; they may be transferred away.
   * Resolves to one buffer per entry of `program.outputs`, which are the caller's.
   */
  run(inputs: readonly Float32Array[]): Promise<TileResult>;
  /** Outputs of runs that nobody reads any more: later runs may use their memory. Absent: it would not. */
  recycle?(outputs: readonly Float32Array[]): void;
  /**
   * A copy of the weights that came as number `index` of `program.weights`, for another tile that needs them; undefined where
   * the engine keeps them in a form that does not give them back bit by bit. Absent: of none.
   */
  weight?(index: number): Promise<Float32Array | undefined>;
  dispose(): Promise<void>;
}

export interface TileResult {
  readonly outputs: readonly Float32Array[];
  /** Buffers of the inputs that the engine is done with, to be filled again. Absent: none. */
  readonly spentInputs?: readonly Float32Array[];
  /** Time inside the engine, upload, download and rests by its share included; waiting for the engine excluded. */
  readonly computeMs: number;
}
