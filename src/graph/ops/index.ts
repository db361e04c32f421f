import type { Op, OpDefinition } from '../op.ts';

/** The definition of an op's kind; one file per op in this folder. */
export function definitionOf<O extends Op>(op: O): OpDefinition<O> {
  throw new Error(`no definition of ${op.kind}`);
}
