import { buildNodeProgram } from '../support/node-program.ts';

/** Builds `test/e2e/<name>.ts` as a program for Node and returns its path. */
export const buildChild = (name: string): Promise<string> => buildNodeProgram(`test/e2e/${name}.ts`, name);
