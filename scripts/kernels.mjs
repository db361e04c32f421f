#!/usr/bin/env node
/**
 * `npm run kernels`: compiles `kernels/*.ts` (AssemblyScript) to WebAssembly, and writes each module as a TypeScript
 * file under `src/kernels`, which works in Node, in workers, in bundles and without a server. The result is committed;
 * the compiler comes with the development dependencies, so the same sources give the same bytes everywhere, and a unit
 * test builds them again and compares.
 */
import { Buffer } from 'node:buffer';
import { readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const root = fileURLToPath(new URL('..', import.meta.url));
const sources = join(root, 'kernels');

const OPTIONS = [
  // No runtime, no data, no globals: a module may then work in a memory that belongs to somebody else.
  '--runtime=stub',
  '--importMemory',
  '--noExportMemory',
  '--initialMemory=0',
  '--noAssert',
  '-O3',
  '--enable=simd',
];

/** Kernels by name. What they share lies in `kernels/lib`. */
export const kernelNames = () =>
  readdirSync(sources)
    .filter((file) => file.endsWith('.ts'))
    .map((file) => basename(file, '.ts'))
    .sort();

/** @param {string} name @param {readonly string[]} options */
async function compile(name, options) {
  const outputs = new Map();
  const { error, stderr } = await asc.main(
    [`${name}.ts`, '--outFile=out.wasm', '--baseDir=.', ...OPTIONS, ...options],
    {
      readFile: (file) => {
        try {
          return readFileSync(join(sources, file), 'utf8');
        } catch {
          // The compiler tries several places for an import.
          return null;
        }
      },
      writeFile: (file, contents) => void outputs.set(file, contents),
      listFiles: () => [],
    },
  );
  if (error) throw new Error(`kernels/${name}.ts does not compile:\n${stderr.toString()}`, { cause: error });
  const binary = outputs.get('out.wasm');
  checkGuest(name, binary);
  return Buffer.from(binary);
}

/** Numbers of the sections of a WebAssembly module that own memory or state. */
const OWNING_SECTIONS = { 5: 'memory', 6: 'global', 8: 'start', 11: 'data' };

/** A module that works in another one's memory must bring none of its own, nor write there unasked. */
function checkGuest(name, binary) {
  let at = 8;
  while (at < binary.length) {
    const id = binary[at++];
    let size = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = binary[at++];
      size |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    if (id in OWNING_SECTIONS) throw new Error(`kernels/${name}.ts has a ${OWNING_SECTIONS[id]} section`);
    at += size;
  }
}

/** The text of `src/kernels/<name>.wasm.ts`. */
export async function kernelModule(name) {
  const simd = await compile(name, []);
  const relaxed = await compile(name, ['--enable=relaxed-simd']);
  return [
    `// Made by \`npm run kernels\` from kernels/${name}.ts; do not edit.`,
    `import type { KernelBinary } from './kernel-binary.ts';`,
    '',
    `export const ${name}: KernelBinary = {`,
    `  name: '${name}',`,
    `  simd: '${simd.toString('base64')}',`,
    // A kernel without multiply-adds gains nothing from the second variant.
    ...(simd.equals(relaxed) ? [] : [`  relaxed: '${relaxed.toString('base64')}',`]),
    '};',
    '',
  ].join('\n');
}

export const kernelPath = (name) => join(root, `src/kernels/${name}.wasm.ts`);

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  for (const name of kernelNames()) {
    writeFileSync(kernelPath(name), await kernelModule(name));
    process.stderr.write(`kernels: ${name}\n`);
  }
}
