import * as v from 'valibot';
import { parseAttributes } from '../attributes.ts';
import type { IdentityOp, OpDefinition } from '../op.ts';
import { pointwise } from './pointwise.ts';

const schema = v.strictObject({ kind: v.literal('identity') });

export const identity: OpDefinition<IdentityOp> = {
  ...pointwise<IdentityOp>('identity', () => []),
  kind: 'identity',
  parse: (raw) => parseAttributes('identity', schema, raw),
};
