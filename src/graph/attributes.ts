import * as v from 'valibot';
import { PeerceptronError } from '../shared/errors.ts';
import type { OpKind, Padding } from './op.ts';

/** Caps on what comes from outside: with them no shape, size or cost leaves the exact integers of a double. */
export const LIMITS = {
  rank: 8,
  spatialAxes: 3,
  extent: 1 << 24,
  window: 1 << 12,
  padding: 1 << 16,
  nodeInputs: 1 << 10,
} as const;

const whole = (minimum: number, maximum: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(minimum), v.maxValue(maximum));

export const extentSchema = whole(1, LIMITS.extent);
export const shapeSchema = v.pipe(v.array(extentSchema), v.minLength(1), v.maxLength(LIMITS.rank));
export const axisSchema = whole(0, LIMITS.rank - 1);
export const finiteSchema = v.pipe(v.number(), v.finite());

const perSpatialAxis = <S extends v.GenericSchema>(item: S) =>
  v.pipe(v.array(item), v.minLength(1), v.maxLength(LIMITS.spatialAxes));

export const windowSchema = perSpatialAxis(whole(1, LIMITS.window));
const paddingPair = v.pipe(
  v.strictTuple([whole(0, LIMITS.padding), whole(0, LIMITS.padding)]),
  v.transform((pair): Padding => pair),
);
export const spatialPaddingSchema = perSpatialAxis(paddingPair);
export const tensorPaddingSchema = v.pipe(v.array(paddingPair), v.minLength(1), v.maxLength(LIMITS.rank));

/** Parses the attributes of one op. Throws `GRAPH_INVALID` with the path of the first attribute that is wrong. */
export function parseAttributes<S extends v.GenericSchema>(
  kind: OpKind,
  schema: S,
  raw: unknown,
): v.InferOutput<S> {
  const result = v.safeParse(schema, raw);
  if (result.success) return result.output;
  const issue = result.issues[0];
  const attribute = v.getDotPath(issue) ?? '(the op itself)';
  throw new PeerceptronError('GRAPH_INVALID', `${kind}: attribute ${attribute}: ${issue.message}`, {
    details: { kind, attribute },
  });
}

/** Throws `GRAPH_INVALID` unless every listed attribute has one entry per spatial axis of the first. */
export function checkSpatialRanks(
  kind: OpKind,
  attributes: Readonly<Record<string, readonly unknown[]>>,
): void {
  const [[first, reference], ...others] = Object.entries(attributes) as [
    [string, readonly unknown[]],
    ...[string, readonly unknown[]][],
  ];
  for (const [name, values] of others) {
    if (values.length !== reference.length) {
      throw new PeerceptronError(
        'GRAPH_INVALID',
        `${kind}: attribute ${name}: has ${values.length} entries but ${first} has ${reference.length}; give one per spatial axis`,
        { details: { kind, attribute: name } },
      );
    }
  }
}
