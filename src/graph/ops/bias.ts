import * as v from 'valibot';
import { parseAttributes } from '../attributes.ts';
import type { BiasOp, OpDefinition } from '../op.ts';
import { pointwise } from './pointwise.ts';

const schema = v.strictObject({ kind: v.literal('bias') });

export const bias: OpDefinition<BiasOp> = {
  ...pointwise<BiasOp>('bias', () => ['bias']),
  kind: 'bias',
  parse: (raw) => parseAttributes('bias', schema, raw),
};
