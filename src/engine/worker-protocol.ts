import type { TileProgram } from '../graph/tile-program.ts';
import { isErrorCode, PeerceptronError, type ErrorCode } from '../shared/errors.ts';
import type { Engine, EngineMemory, TileResult } from './engine.ts';
import type { TfjsBackendName, WasmPaths } from './tfjs-backends.ts';

/** The engines that a compute worker can run. */
export type EngineBackend = TfjsBackendName | 'reference' | 'native';

export interface EngineOptions {
  readonly backend: EngineBackend;
  readonly wasmPaths?: WasmPaths;
  /** Of the native engine: see `NativeEngineOptions`. */
  readonly folders?: readonly string[];
  /** That compute a tile together, on the native engine and, in Node, on wasm. Default: 1. */
  readonly threads?: number;
}

/** One question and one answer per `id`; typed arrays are transferred. Both sides are of one build, so nothing is versioned. */
export type WorkerCall =
  | { readonly type: 'start'; readonly options: EngineOptions }
  | { readonly type: 'load'; readonly program: TileProgram; readonly weights: readonly Float32Array[] }
  | {
      readonly type: 'run';
      readonly tile: number;
      readonly inputs: readonly Float32Array[];
      /** Outputs of earlier runs, given back. */
      readonly recycled?: readonly ArrayBuffer[];
    }
  | { readonly type: 'weight'; readonly tile: number; readonly index: number }
  | { readonly type: 'release'; readonly tile: number }
  | { readonly type: 'memory' }
  | { readonly type: 'share'; readonly share: number; readonly steady: boolean }
  | { readonly type: 'dispose' };

export interface WorkerAnswers {
  start: Pick<Engine, 'name' | 'accuracy' | 'weightStorage'>;
  load: { readonly tile: number };
  run: TileResult;
  weight: Float32Array | undefined;
  release: undefined;
  memory: EngineMemory;
  share: undefined;
  dispose: undefined;
}

export type WorkerRequest = WorkerCall & { readonly id: number };

export type WorkerReply =
  | { readonly id: number; readonly ok: true; readonly value: WorkerAnswers[keyof WorkerAnswers] }
  | { readonly id: number; readonly ok: false; readonly error: WireError };

/** An error as it crosses a thread: structured cloning would drop the code. */
export interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: Readonly<Record<string, string | number | boolean>>;
}

export function toWireError(error: PeerceptronError): WireError {
  const details: Record<string, string | number | boolean> = {};
  for (const [key, value] of Object.entries(error.details)) {
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
      details[key] = value;
  }
  return { code: error.code, message: error.message, details };
}

export function fromWireError({ code, message, details }: WireError): PeerceptronError {
  return new PeerceptronError(isErrorCode(code) ? code : 'INTERNAL', message, { details });
}

/** One side of a channel between two threads. */
export interface WorkerPort {
  post(message: WorkerRequest | WorkerReply, transfer: ArrayBuffer[]): void;
  /** Called once, before the first message. */
  listen(listener: (message: unknown) => void): void;
}

/**
 * The same arrays in a form that can be posted, and the buffers to transfer. A view of a part of a buffer, or a second
 * view of one, is copied: its buffer holds somebody else's data.
 */
export function transferable(arrays: readonly Float32Array[]): {
  readonly arrays: Float32Array[];
  readonly transfer: ArrayBuffer[];
} {
  const transfer = new Set<ArrayBuffer>();
  const ready = arrays.map((array) => {
    const { buffer } = array;
    const whole = buffer instanceof ArrayBuffer && array.byteLength === buffer.byteLength;
    const sent = whole && !transfer.has(buffer) ? array : array.slice();
    transfer.add(sent.buffer as ArrayBuffer);
    return sent;
  });
  return { arrays: ready, transfer: [...transfer] };
}
