import * as v from 'valibot';
import { parseAttributes } from '../attributes.ts';
import type { BatchNormOp, OpDefinition } from '../op.ts';
import { pointwise } from './pointwise.ts';

const schema = v.strictObject({
  kind: v.literal('batch-norm'),
  epsilon: v.pipe(v.number(), v.finite(), v.minValue(0)),
  scale: v.boolean(),
  center: v.boolean(),
});

export const batchNorm: OpDefinition<BatchNormOp> = {
  ...pointwise<BatchNormOp>('batch-norm', (op) => [
    'mean',
    'variance',
    ...(op.scale ? ['gamma'] : []),
    ...(op.center ? ['beta'] : []),
  ]),
  kind: 'batch-norm',
  parse: (raw) => parseAttributes('batch-norm', schema, raw),
};
