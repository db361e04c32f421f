import * as v from 'valibot';
import type { FarmRun } from './cells.ts';
import { METHODS, NETWORKS_SHOWN, OBJECTIVES } from './names.ts';

const number = v.pipe(v.number(), v.finite());
const notNegative = v.pipe(number, v.minValue(0));
const positive = v.pipe(number, v.gtValue(0));
const count = v.pipe(v.number(), v.integer(), v.minValue(1));
const time = v.pipe(v.string(), v.isoTimestamp());

const commit = v.exactOptional(v.nullable(v.string()));

const key = {
  method: v.picklist(METHODS),
  network: v.picklist(NETWORKS_SHOWN),
  devices: count,
  objective: v.picklist(OBJECTIVES),
  megabitsPerSecond: positive,
  latencyBoundMs: v.exactOptional(positive),
  farm: v.exactOptional(v.string()),
};
// Fields that are not known here stay: a run that goes on with the cells of another keeps them.
const measured = v.looseObject({
  ...key,
  state: v.literal('measured'),
  frames: count,
  latenciesMs: v.pipe(v.array(positive), v.minLength(1)),
  framesPerSecond: positive,
  predicted: v.exactOptional(v.object({ latencyMs: positive, framesPerSecond: positive })),
  plan: v.exactOptional(v.string()),
  sameAs: v.exactOptional(v.string()),
  used: count,
  bytesPerFrame: notNegative,
  processors: v.object({ computeMs: notNegative, otherMs: notNegative }),
  memoryBytes: v.object({ mean: notNegative, most: notNegative }),
  joulesPerFrame: notNegative,
  difference: notNegative,
  where: v.exactOptional(v.object({ compute: notNegative, link: notNegative, wait: notNegative })),
  at: time,
  commit,
});
const refused = v.looseObject({ ...key, state: v.literal('refused'), why: v.string(), at: time, commit });

const farmRun: v.GenericSchema<unknown, FarmRun> = v.looseObject({
  commit: v.nullable(v.string()),
  machine: v.object({
    cpu: v.string(),
    cores: count,
    memoryBytes: positive,
    os: v.string(),
    node: v.string(),
  }),
  startedAt: time,
  finishedAt: v.exactOptional(time),
  command: v.string(),
  calibration: v.looseObject({
    share: positive,
    vgg16Ms: positive,
    goalMs: positive,
    hopMs: v.object({ smallP50: positive, smallP95: positive, megabyteP50: positive }),
    kind: v.picklist(['namespaces', 'portable']),
  }),
  cells: v.array(v.variant('state', [measured, refused])),
});

/** A run as it was written to a file. @throws Error that names the field which is not as it should be */
export function parseFarmRun(raw: unknown): FarmRun {
  const result = v.safeParse(farmRun, raw);
  if (result.success) return result.output;
  const issue = result.issues[0];
  throw new Error(
    `Not a run of the farm: ${v.getDotPath(issue) ?? '(root)'}: ${issue.message}. Write it anew with 'npm run bench -- farm'.`,
  );
}
