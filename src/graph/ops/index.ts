import { PeerceptronError } from '../../shared/errors.ts';
import type { Op, OpDefinition, OpKind } from '../op.ts';
import { activation } from './activation.ts';
import { avgPool } from './avg-pool.ts';
import { batchNorm } from './batch-norm.ts';
import { bias } from './bias.ts';
import { concat } from './concat.ts';
import { conv } from './conv.ts';
import { dense } from './dense.ts';
import { globalPool } from './global-pool.ts';
import { identity } from './identity.ts';
import { lrn } from './lrn.ts';
import { maxPool } from './max-pool.ts';
import { merge } from './merge.ts';
import { pad } from './pad.ts';
import { reshape } from './reshape.ts';
import { softmax } from './softmax.ts';
import { upsample } from './upsample.ts';

const definitions: { readonly [K in OpKind]: OpDefinition<Extract<Op, { kind: K }>> } = {
  conv,
  dense,
  bias,
  'batch-norm': batchNorm,
  'max-pool': maxPool,
  'avg-pool': avgPool,
  'global-pool': globalPool,
  merge,
  concat,
  pad,
  reshape,
  activation,
  softmax,
  lrn,
  upsample,
  identity,
};

export const OP_KINDS = Object.keys(definitions) as readonly OpKind[];

/** The definition of an op's kind; one file per op in this folder. */
export function definitionOf<O extends Op>(op: O): OpDefinition<O> {
  return definitions[op.kind] as unknown as OpDefinition<O>;
}

/** An op from outside (a file, a peer). Throws `OP_UNSUPPORTED` for an unknown kind, `GRAPH_INVALID` for bad attributes. */
export function parseOp(raw: unknown): Op {
  const kind = typeof raw === 'object' && raw !== null ? (raw as { kind?: unknown }).kind : undefined;
  if (typeof kind !== 'string') {
    throw new PeerceptronError('GRAPH_INVALID', 'an op is an object with a "kind"');
  }
  const definition = OP_KINDS.find((known) => known === kind);
  if (!definition) {
    throw new PeerceptronError(
      'OP_UNSUPPORTED',
      `unknown op kind "${kind.slice(0, 60)}"; known: ${OP_KINDS.join(', ')}`,
    );
  }
  return definitions[definition].parse(raw);
}
