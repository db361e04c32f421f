import * as v from 'valibot';
import { parseAttributes, spatialPaddingSchema, windowSchema } from '../attributes.ts';
import type { MaxPoolOp, OpDefinition } from '../op.ts';
import { checkPoolRanks, pool } from './pool.ts';

const schema = v.strictObject({
  kind: v.literal('max-pool'),
  poolSize: windowSchema,
  strides: windowSchema,
  dilations: v.exactOptional(windowSchema),
  padding: spatialPaddingSchema,
});

export const maxPool: OpDefinition<MaxPoolOp> = {
  ...pool,
  kind: 'max-pool',
  parse(raw) {
    const op = parseAttributes('max-pool', schema, raw);
    checkPoolRanks(op);
    return op;
  },
};
