import {
  engine,
  env,
  findBackend,
  findBackendFactory,
  registerBackend,
  removeBackend,
  setBackend,
  type KernelBackend,
} from '@tensorflow/tfjs-core';
import { withSharedMemory } from '../kernels/shared-memory.ts';
import { PeerceptronError } from '../shared/errors.ts';
import { Sequence } from './sequential.ts';

export type TfjsBackendName = 'wasm' | 'cpu' | 'webgl' | 'webgpu';

/** Where the binaries of the wasm backend are: paths in Node, URLs in a browser. */
export interface WasmPaths {
  readonly 'tfjs-backend-wasm.wasm': string;
  readonly 'tfjs-backend-wasm-simd.wasm': string;
}

export interface BackendOptions {
  readonly backend: TfjsBackendName;
  /** Needed in browsers by the wasm backend; in Node the binaries lie beside the program, or in its package. */
  readonly wasmPaths?: WasmPaths;
  /** Whether other threads may read and write the wasm backend's heap. In Node only. */
  readonly sharedHeap?: boolean;
}

const TEXTURE_POOL_BYTES = 256 * 1024 * 1024;

interface NodeProcess {
  getBuiltinModule(id: 'node:module'): { createRequire(from: string): { resolve(name: string): string } };
  getBuiltinModule(id: 'node:fs'): {
    existsSync(path: string): boolean;
    readFileSync(path: string): Uint8Array;
  };
  getBuiltinModule(id: 'node:url'): { fileURLToPath(url: string): string };
  getBuiltinModule(id: 'node:path'): {
    dirname(path: string): string;
    join(...parts: string[]): string;
  };
  readonly versions?: { readonly node?: string };
  listeners(event: string): ((...args: unknown[]) => void)[];
  removeListener(event: string, listener: (...args: unknown[]) => void): void;
  on(event: string, listener: (...args: unknown[]) => void): void;
}

const nodeProcess = (): NodeProcess | undefined => {
  const found = (globalThis as { process?: NodeProcess }).process;
  return found?.versions?.node ? found : undefined;
};

const PROCESS_EVENTS = ['uncaughtException', 'unhandledRejection'] as const;

/**
 * Emscripten's glue rethrows every unhandled rejection of the process while it lives, and takes everybody's handlers
 * away when it is disposed. The handlers are put back as they were.
 */
async function guardingProcessListeners<T>(body: () => T | Promise<T>): Promise<T> {
  const host = nodeProcess();
  const before = PROCESS_EVENTS.map((event) => host?.listeners(event) ?? []);
  try {
    return await body();
  } finally {
    for (const [index, event] of PROCESS_EVENTS.entries()) {
      const after = host?.listeners(event) ?? [];
      for (const listener of after)
        if (!before[index]!.includes(listener)) host?.removeListener(event, listener);
      for (const listener of before[index]!) if (!after.includes(listener)) host?.on(event, listener);
    }
  }
}

function nodeWasmPaths(): WasmPaths {
  const host = nodeProcess();
  if (!host) throw new Error('in a browser the wasm backend needs `wasmPaths`');
  // Asked for at run time, so that a browser bundle never sees a Node module.
  const path = host.getBuiltinModule('node:path');
  const beside = path.dirname(host.getBuiltinModule('node:url').fileURLToPath(import.meta.url));
  // The build puts them beside the program; for sources they lie in their package.
  const folder = host.getBuiltinModule('node:fs').existsSync(path.join(beside, 'tfjs-backend-wasm.wasm'))
    ? beside
    : path.dirname(
        host
          .getBuiltinModule('node:module')
          .createRequire(import.meta.url)
          .resolve('@tensorflow/tfjs-backend-wasm'),
      );
  return {
    'tfjs-backend-wasm.wasm': path.join(folder, 'tfjs-backend-wasm.wasm'),
    'tfjs-backend-wasm-simd.wasm': path.join(folder, 'tfjs-backend-wasm-simd.wasm'),
  };
}

/** Whoever is not there any more when a backend has started. */
type Release = () => void;
const NOTHING: Release = () => undefined;

/** The module with a shared heap, at an address that only this thread knows. */
function sharedModule(paths: WasmPaths): { readonly url: string; readonly release: Release } {
  const file = nodeProcess()!.getBuiltinModule('node:fs').readFileSync(paths['tfjs-backend-wasm-simd.wasm']);
  const url = URL.createObjectURL(new Blob([withSharedMemory(file)], { type: 'application/wasm' }));
  return { url, release: () => URL.revokeObjectURL(url) };
}

/** Imports the package of a backend, which registers its factory and kernels. */
async function importBackend({ backend, wasmPaths, sharedHeap = false }: BackendOptions): Promise<Release> {
  switch (backend) {
    case 'cpu':
      await import('@tensorflow/tfjs-backend-cpu');
      return NOTHING;
    case 'webgl':
      await import('@tensorflow/tfjs-backend-webgl');
      // Small tensors would be computed on the CPU: a tile and the whole must go through the same kernels.
      env().set('WEBGL_CPU_FORWARD', false);
      // Freed textures are kept for reuse without bound otherwise, and phones kill such a tab.
      env().set('WEBGL_DELETE_TEXTURE_THRESHOLD', TEXTURE_POOL_BYTES);
      return NOTHING;
    case 'webgpu': {
      const gpu = (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu;
      if (!gpu) throw new Error('this browser or page has no WebGPU');
      if (!(await gpu.requestAdapter())) throw new Error('no WebGPU adapter was granted');
      await import('@tensorflow/tfjs-backend-webgpu');
      env().set('WEBGPU_CPU_FORWARD', false);
      return NOTHING;
    }
    case 'wasm': {
      const wasm = await import('@tensorflow/tfjs-backend-wasm');
      const paths = wasmPaths ?? nodeWasmPaths();
      // Not its threaded build, which hands its own minified source to its workers: no bundle survives that. What takes
      // time are our own kernels, and these have threads of their own (`heap-team.ts`).
      env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
      const shared = sharedHeap ? sharedModule(paths) : undefined;
      const simd = shared?.url ?? paths['tfjs-backend-wasm-simd.wasm'];
      wasm.setWasmPaths(
        {
          ...paths,
          'tfjs-backend-wasm-simd.wasm': simd,
          'tfjs-backend-wasm-threaded-simd.wasm': simd,
        },
        shared !== undefined,
      );
      return shared?.release ?? NOTHING;
    }
  }
}

interface SharedBackend {
  readonly factory: () => KernelBackend | Promise<KernelBackend>;
  users: number;
}

/** Backends are global to a thread in tfjs, so engines on the same one share it; the last to go disposes it. */
const shared = new Map<TfjsBackendName, SharedBackend>();
/** Starts and stops one at a time, so that two engines never start one backend twice. */
const changes = new Sequence();

/**
 * Starts a backend, or joins the one that runs already.
 * @throws ENGINE_UNAVAILABLE naming the backend and the reason.
 */
export function acquireBackend(options: BackendOptions): Promise<KernelBackend> {
  return changes.add(() => acquire(options));
}

async function acquire(options: BackendOptions): Promise<KernelBackend> {
  const name = options.backend;
  const running = shared.get(name);
  if (running) {
    running.users += 1;
    return findBackend(name);
  }
  let release = NOTHING;
  try {
    release = await importBackend(options);
    const factory = findBackendFactory(name);
    if (!factory) throw new Error('this environment does not support it');
    // tfjs only logs why a factory failed; made here, the reason reaches the caller.
    const instance = await guardingProcessListeners(factory);
    removeBackend(name);
    registerBackend(name, () => instance);
    // The first tensor on the cpu backend prints an advertisement in Node.
    if (name === 'cpu') (instance as KernelBackend & { firstUse?: boolean }).firstUse = false;
    if (!(await setBackend(name))) throw new Error('tfjs refused it');
    shared.set(name, { factory, users: 1 });
    return instance;
  } catch (error) {
    const reason =
      error instanceof Error ? error.message : String((error as { message?: unknown }).message ?? error);
    throw new PeerceptronError(
      'ENGINE_UNAVAILABLE',
      `the ${name} backend cannot start here: ${reason}; choose another engine`,
      { cause: error, details: { backend: name } },
    );
  } finally {
    release();
  }
}

/** Makes `name` the backend of the kernels that run next; cheap when it is already. */
export function activateBackend(name: TfjsBackendName): void {
  // The instance exists, so all that matters happens before the promise is returned.
  if (engine().backendName !== name) void setBackend(name);
}

export function releaseBackend(name: TfjsBackendName): Promise<void> {
  return changes.add(() => release(name));
}

async function release(name: TfjsBackendName): Promise<void> {
  const entry = shared.get(name);
  if (!entry) return;
  entry.users -= 1;
  if (entry.users > 0) return;
  shared.delete(name);
  await guardingProcessListeners(() => removeBackend(name));
  registerBackend(name, entry.factory);
}
