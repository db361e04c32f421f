import * as v from 'valibot';
import { checkSpatialRanks, parseAttributes, spatialPaddingSchema, windowSchema } from '../attributes.ts';
import type { AvgPoolOp, OpDefinition } from '../op.ts';
import { pool } from './pool.ts';

const schema = v.strictObject({
  kind: v.literal('avg-pool'),
  poolSize: windowSchema,
  strides: windowSchema,
  padding: spatialPaddingSchema,
  countPadding: v.boolean(),
});

export const avgPool: OpDefinition<AvgPoolOp> = {
  ...pool,
  kind: 'avg-pool',
  parse(raw) {
    const op = parseAttributes('avg-pool', schema, raw);
    checkSpatialRanks('avg-pool', { poolSize: op.poolSize, strides: op.strides, padding: op.padding });
    return op;
  },
};
