import * as v from 'valibot';
import { PeerceptronError } from '../../shared/errors.ts';
import { finiteSchema, parseAttributes } from '../attributes.ts';
import type { ActivationOp, OpDefinition } from '../op.ts';
import { pointwise } from './pointwise.ts';

const schema = v.strictObject({
  kind: v.literal('activation'),
  function: v.picklist([
    'relu',
    'relu6',
    'leaky-relu',
    'elu',
    'selu',
    'sigmoid',
    'hard-sigmoid',
    'tanh',
    'softplus',
    'softsign',
    'swish',
    'gelu',
    'exp',
  ]),
  alpha: v.exactOptional(finiteSchema),
});

export const activation: OpDefinition<ActivationOp> = {
  ...pointwise<ActivationOp>('activation', () => []),
  kind: 'activation',
  parse(raw) {
    const op = parseAttributes('activation', schema, raw);
    // Frameworks disagree about the default slope (0.01, 0.2, 0.3), so there is none here.
    const wrong =
      op.function === 'leaky-relu'
        ? op.alpha === undefined && 'leaky-relu needs its slope'
        : op.function !== 'elu' && op.alpha !== undefined && `${op.function} takes none`;
    if (wrong) {
      throw new PeerceptronError('GRAPH_INVALID', `activation: attribute alpha: ${wrong}`, {
        details: { kind: 'activation', attribute: 'alpha' },
      });
    }
    return op;
  },
};
