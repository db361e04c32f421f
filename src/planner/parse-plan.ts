import * as v from 'valibot';
import type { Box } from '../graph/box.ts';
import { PeerceptronError } from '../shared/errors.ts';
import { asPeerId, asSessionId, isHex128 } from '../shared/ids.ts';
import { CODECS } from './codec.ts';
import type { Plan } from './plan.ts';

const index = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0x7fff_ffff));
const range = v.strictTuple([index, index]);
const box = v.pipe(
  v.array(range),
  v.maxLength(8),
  v.transform((ranges): Box => ranges),
);
const name = v.pipe(v.string(), v.minLength(1), v.maxLength(200));
const codec = v.picklist(CODECS);
const hex128 = v.pipe(v.string(), v.check(isHex128, 'expected 32 hex digits'));

const tile = v.pipe(
  v.strictObject({
    peer: v.pipe(hex128, v.transform(asPeerId)),
    outputs: v.pipe(
      v.array(v.strictObject({ tensor: name, box, codec: v.exactOptional(codec) })),
      v.maxLength(4096),
    ),
    reduce: v.optional(box),
  }),
  v.transform(({ reduce, ...rest }) => (reduce ? { ...rest, reduce } : rest)),
);
const lane = v.strictObject({
  share: v.pipe(v.number(), v.finite()),
  tiles: v.pipe(v.array(tile), v.maxLength(4096)),
});
const segment = v.strictObject({ ops: range, lanes: v.pipe(v.array(lane), v.maxLength(1024)) });
const plan = v.strictObject({
  session: v.pipe(hex128, v.transform(asSessionId)),
  epoch: index,
  model: v.pipe(v.string(), v.maxLength(200)),
  inputs: v.exactOptional(v.pipe(v.array(v.strictObject({ tensor: name, codec })), v.maxLength(4096))),
  segments: v.pipe(v.array(segment), v.maxLength(20_000)),
});

/** A plan from outside (a file, a peer). Throws `PLAN_INVALID` naming the place; `verifyPlan` judges the meaning. */
export function parsePlan(raw: unknown): Plan {
  const result = v.safeParse(plan, raw);
  if (result.success) return result.output;
  const issue = result.issues[0];
  throw new PeerceptronError('PLAN_INVALID', `plan: ${v.getDotPath(issue) ?? '(root)'}: ${issue.message}`);
}
