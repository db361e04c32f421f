/** Kernels by name. */
export function kernelNames(): string[];
/** The text of `src/kernels/<name>.wasm.ts`, compiled anew. */
export function kernelModule(name: string): Promise<string>;
export function kernelPath(name: string): string;
