import type { KernelBackend } from '@tensorflow/tfjs-core';
import type { TfjsBackendName } from './tfjs-backends.ts';

interface WebglBackend extends KernelBackend {
  readonly gpgpu: { readonly gl: WebGLRenderingContext };
}

interface WebgpuBackend extends KernelBackend {
  readonly device: GPUDevice;
}

/** Watches the backend's GPU: drivers reset, tabs are evicted. The function returns why it was lost, if it was. */
export function deviceLoss(name: TfjsBackendName, backend: KernelBackend): () => string | undefined {
  switch (name) {
    case 'cpu':
    case 'wasm':
      return () => undefined;
    case 'webgl': {
      const { gl } = (backend as WebglBackend).gpgpu;
      return () => (gl.isContextLost() ? 'the WebGL context was lost' : undefined);
    }
    case 'webgpu': {
      let reason: string | undefined;
      void (backend as WebgpuBackend).device.lost.then((info) => {
        reason = info.message || info.reason;
      });
      return () => reason;
    }
  }
}
