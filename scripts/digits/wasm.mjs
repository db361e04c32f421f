/* global WebAssembly */
import { readFileSync } from 'node:fs';

let compiled;

/** Compiles `kernels.as`, once per process. Throws with the compiler's own words. */
export async function compileKernels() {
  compiled ??= compile();
  return compiled;
}

async function compile() {
  const { default: asc } = await import('assemblyscript/asc');
  const source = readFileSync(new URL('kernels.as', import.meta.url), 'utf8');
  let binary;
  const { error, stderr } = await asc.main(
    [
      'kernels.ts',
      '--outFile',
      'kernels.wasm',
      '-O3',
      '--noAssert',
      '--runtime',
      'stub',
      '--enable',
      'simd',
      '--importMemory',
    ],
    {
      readFile: (name) => (name === 'kernels.ts' ? source : null),
      writeFile: (name, contents) => {
        if (name.endsWith('.wasm')) binary = contents;
      },
      listFiles: () => [],
    },
  );
  if (error) throw new Error(`kernels.as does not compile: ${error.message}\n${stderr.toString()}`);
  return new WebAssembly.Module(binary);
}

/** The kernels on a memory of their own, with `floats(count)` to lay out zeroed buffers: `{ at, data }`. */
export function instantiate(module, sizeBytes) {
  const memory = new WebAssembly.Memory({ initial: Math.ceil(sizeBytes / 65536) + 2 });
  const { exports } = new WebAssembly.Instance(module, { env: { memory, abort: () => undefined } });
  let end = 65536;
  return {
    kernels: exports,
    floats(count) {
      const at = end;
      end = Math.ceil((end + 4 * count) / 16) * 16;
      if (end > memory.buffer.byteLength) throw new Error('the memory for training is too small');
      return { at, data: new Float32Array(memory.buffer, at, count) };
    },
  };
}
