import * as v from 'valibot';
import { checkSpatialRanks, parseAttributes, spatialPaddingSchema, windowSchema } from '../attributes.ts';
import type { MaxPoolOp, OpDefinition } from '../op.ts';
import { pool } from './pool.ts';

const schema = v.strictObject({
  kind: v.literal('max-pool'),
  poolSize: windowSchema,
  strides: windowSchema,
  padding: spatialPaddingSchema,
});

export const maxPool: OpDefinition<MaxPoolOp> = {
  ...pool,
  kind: 'max-pool',
  parse(raw) {
    const op = parseAttributes('max-pool', schema, raw);
    checkSpatialRanks('max-pool', { poolSize: op.poolSize, strides: op.strides, padding: op.padding });
    return op;
  },
};
