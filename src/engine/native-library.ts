import { createRequire } from 'node:module';
import { join } from 'node:path';
import { PeerceptronError } from '../shared/errors.ts';

/** What of `onnxruntime-node` is used; the package need not be there when this is compiled. */
export interface NativeLibrary {
  readonly env: { logLevel?: string; readonly versions?: { readonly node?: string } };
  readonly Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => NativeTensor;
  readonly InferenceSession: {
    create(model: Uint8Array, options: NativeSessionOptions): Promise<NativeSession>;
  };
}

export interface NativeTensor {
  readonly data: unknown;
}

export interface NativeSessionOptions {
  readonly executionProviders: readonly string[];
  readonly intraOpNumThreads: number;
  readonly interOpNumThreads: number;
  readonly graphOptimizationLevel: 'all';
  readonly enableCpuMemArena: boolean;
  readonly logSeverityLevel: number;
  readonly externalData: readonly { readonly path: string; readonly data: Uint8Array }[];
  readonly extra: { readonly session: Readonly<Record<string, unknown>> };
}

type Tensors = Readonly<Record<string, NativeTensor>>;

export interface NativeSession {
  /** Writes into the tensors of `outputs`, where they are given. */
  run(inputs: Tensors, outputs?: Tensors): Promise<unknown>;
  release(): Promise<void>;
}

export const NATIVE_PACKAGE = 'onnxruntime-node';

/**
 * Loads the package from the first of `folders` that has it, as Node finds packages: in `node_modules` of the folder or of one
 * above it. What is loaded stays with the process.
 * @throws ENGINE_UNAVAILABLE; a package that is missing (`missing` among the details) and one that does not load are told apart.
 */
export function loadNativeLibrary(folders: readonly string[]): NativeLibrary {
  const found = requireNativePackage(folders);
  try {
    const library = found.load() as NativeLibrary;
    // Warnings about devices that it finds or does not find are nothing to print.
    library.env.logLevel = 'error';
    return library;
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0]! : String(error);
    throw new PeerceptronError(
      'ENGINE_UNAVAILABLE',
      `the package ${NATIVE_PACKAGE} in ${found.path} does not load on this ${process.platform} ${process.arch}: ${reason}; run \`peerceptron engine install\` again, or choose another engine`,
      { cause: error, details: { backend: 'native', missing: false } },
    );
  }
}

export interface FoundPackage {
  /** Of its main file. */
  readonly path: string;
  load(): unknown;
}

/**
 * The package, without loading it.
 * @throws ENGINE_UNAVAILABLE, with `missing` among the details.
 */
export function requireNativePackage(folders: readonly string[]): FoundPackage {
  for (const folder of folders) {
    const require = createRequire(join(folder, 'package.json'));
    try {
      const path = require.resolve(NATIVE_PACKAGE);
      return { path, load: () => require(path) as unknown };
    } catch {
      // Not from here.
    }
  }
  throw new PeerceptronError(
    'ENGINE_UNAVAILABLE',
    `the package ${NATIVE_PACKAGE} is not installed: run \`peerceptron engine install\` for native speed`,
    { details: { backend: 'native', missing: true } },
  );
}
