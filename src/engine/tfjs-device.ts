import type { KernelBackend } from '@tensorflow/tfjs-core';
import { PeerceptronError } from '../shared/errors.ts';
import type { TfjsBackendName } from './tfjs-backends.ts';

interface WebglBackend extends KernelBackend {
  readonly gpgpu: { readonly gl: WebGLRenderingContext };
}

interface WebgpuBackend extends KernelBackend {
  readonly device: GPUDevice;
}

/** The GPU behind a backend: drivers reset, tabs are evicted, and tfjs then answers zeros or waits for ever. */
export interface Device {
  /** @throws ENGINE_FAILED once the GPU is lost. */
  check(): void;
  /** `reading`, unless the GPU is lost before it settles. */
  guard<T>(reading: Promise<T>): Promise<T>;
}

const reliable: Device = { check: () => undefined, guard: (reading) => reading };

export function deviceOf(name: TfjsBackendName, backend: KernelBackend): Device {
  switch (name) {
    case 'cpu':
    case 'wasm':
      return reliable;
    case 'webgl': {
      const { gl } = (backend as WebglBackend).gpgpu;
      const message = 'the WebGL context was lost';
      return watch(
        name,
        () => (gl.isContextLost() ? message : undefined),
        new Promise((resolve) => {
          gl.canvas.addEventListener('webglcontextlost', () => resolve(message), { once: true });
        }),
      );
    }
    case 'webgpu': {
      let reason: string | undefined;
      const loss = (backend as WebgpuBackend).device.lost.then((info) => {
        reason = info.message || `the device is ${info.reason}`;
        return reason;
      });
      return watch(name, () => reason, loss);
    }
  }
}

function watch(name: TfjsBackendName, reasonNow: () => string | undefined, loss: Promise<string>): Device {
  const failure = (reason: string): PeerceptronError =>
    new PeerceptronError('ENGINE_FAILED', `tfjs-${name} lost its GPU: ${reason}; start the engine again`);
  const lost = loss.then((reason): never => {
    throw failure(reason);
  });
  // Between runs nobody listens.
  lost.catch(() => undefined);
  return {
    check() {
      const reason = reasonNow();
      if (reason !== undefined) throw failure(reason);
    },
    guard: (reading) => Promise.race([reading, lost]),
  };
}
