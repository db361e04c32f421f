import * as v from 'valibot';
import { parseAttributes, spatialPaddingSchema, windowSchema } from '../attributes.ts';
import type { AvgPoolOp, OpDefinition } from '../op.ts';
import { checkPoolRanks, pool } from './pool.ts';

const schema = v.strictObject({
  kind: v.literal('avg-pool'),
  poolSize: windowSchema,
  strides: windowSchema,
  dilations: v.exactOptional(windowSchema),
  padding: spatialPaddingSchema,
  countPadding: v.boolean(),
});

export const avgPool: OpDefinition<AvgPoolOp> = {
  ...pool,
  kind: 'avg-pool',
  parse(raw) {
    const op = parseAttributes('avg-pool', schema, raw);
    checkPoolRanks(op);
    return op;
  },
};
