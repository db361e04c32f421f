import type { Sequence } from '../../src/engine/sequential.ts';
import type { PeerId } from '../../src/shared/ids.ts';
import { PeerceptronError } from '../../src/shared/errors.ts';
import { relativeDifference } from '../relative-difference.ts';
import { startSoloDevice } from './baselines/solo-device.ts';
import type { Runtime } from './baselines/solo-model.ts';
import {
  keyOf,
  type Cell,
  type CellKey,
  type CellOrigin,
  type CellRefused,
  type CellResult,
} from './cells.ts';
import type { DeviceFigures, Farm } from './devices.ts';
import { busyShares, joulesPerFrame } from './energy.ts';
import type { Requester } from './requester.ts';
import { OWN_BYTES } from './devices.ts';
import type { Wanted } from './suite.ts';

/** Of the input of every network. */
export const FARM_SEED = 5;
const TRACED_FRAMES = 2;
const WARM_UPS = 5;

export interface CellWorld {
  readonly farm: Farm;
  readonly requester: Requester;
  /** Ids of the peers, by name of their device. */
  readonly idOf: ReadonlyMap<string, PeerId>;
  /** What the unsplit network answers. */
  readonly answerOf: (network: CellKey['network']) => Promise<Float32Array>;
}

type Outcome =
  Omit<CellResult, keyof CellKey | keyof CellOrigin> | Omit<CellRefused, keyof CellKey | keyof CellOrigin>;

/** Whether it is another runtime, on one device that needs no farm. */
export const isAlone = (method: CellKey['method']): method is 'tfjs' | 'onnxruntime-web' =>
  method === 'tfjs' || method === 'onnxruntime-web';

/**
 * A plan on the farm: planned by what the devices are then, loaded quickly, and run on small devices.
 * @param earlier cells of the same farm: what has their plan and their links is not measured again.
 */
export async function measureOnFarm(
  world: CellWorld,
  wanted: Wanted,
  earlier: readonly Cell[] = [],
): Promise<Outcome> {
  const { farm, requester, idOf } = world;
  const { network, objective, method, devices, frames, memoryBytes, latencyBoundMs } = wanted;
  if (isAlone(method)) throw new PeerceptronError('INTERNAL', `${method} does not run on a farm`);
  // Of the paper's devices one only sends, which is the requester's here.
  const chosen = farm.description.devices.slice(0, method === 'paper' ? devices - 1 : devices);
  if (!wanted.farm) {
    for (const { name } of [...farm.description.devices, farm.description.requester])
      farm.network.setRate(name, wanted.megabitsPerSecond);
  }
  await farm.limit();
  const planned = await requester.ask({
    type: 'plan',
    network,
    method,
    objective,
    ...(latencyBoundMs === undefined ? {} : { latencyBoundMs }),
    peers: chosen.map(({ name, share }) => ({ id: idOf.get(name)!, share })),
    megabitsPerSecond: wanted.megabitsPerSecond,
    memoryBytes: memoryBytes - OWN_BYTES,
    seed: FARM_SEED,
  });
  if ('refused' in planned) return { state: 'refused', why: planned.refused };
  const known = sameAmong(earlier, wanted, planned.plan);
  if (known) return { ...known, predicted: planned.predicted, sameAs: keyOf(known) };
  const used = chosen.filter(({ name }) => planned.used.includes(idOf.get(name)!));
  const taken = await inSession(world, false, async () => {
    farm.resetPeaks();
    const before = farm.figures();
    const run = await requester.ask({ type: 'run', frames });
    return { before, run, after: farm.figures() };
  });
  if ('refused' in taken) return { state: 'refused', why: taken.refused };
  const { run, before, after } = taken.value;
  const where = wanted.traced
    ? await inSession(world, true, () => requester.ask({ type: 'trace', frames: TRACED_FRAMES }))
    : undefined;
  const took = figuresOf({ before, after, used: used.map(({ name }) => name), frames: run.frames });
  const busy = took.devices.map(({ name, ...times }) =>
    busyShares({
      ...times,
      wallMs: run.elapsedMs,
      share: used.find((device) => device.name === name)!.share,
    }),
  );
  return {
    state: 'measured',
    frames: run.latenciesMs.length,
    latenciesMs: run.latenciesMs,
    framesPerSecond: run.framesPerSecond,
    predicted: planned.predicted,
    plan: planned.plan,
    used: used.length,
    bytesPerFrame: took.bytesPerFrame,
    processors: took.processors,
    memoryBytes: took.memoryBytes,
    joulesPerFrame: joulesPerFrame(busy, run.frames / (run.elapsedMs / 1000)),
    difference: relativeDifference(Float32Array.from(run.output), await world.answerOf(network)),
    ...(where && 'value' in where ? { where: where.value } : {}),
  };
}

/** What differs is the method that found the plan, and on how many devices. On a farm whose devices are not alike, others would make it another plan. */
const sameAmong = (earlier: readonly Cell[], wanted: Wanted, plan: string): CellResult | undefined =>
  earlier.find(
    (cell): cell is CellResult =>
      cell.state === 'measured' &&
      cell.plan === plan &&
      cell.sameAs === undefined &&
      cell.farm === undefined &&
      keyOf({ ...cell, method: wanted.method, devices: wanted.devices }) === keyOf(wanted) &&
      (cell.where !== undefined || !wanted.traced),
  );

/** Devices are quick while the plan is dealt out, and small while `use` runs; refused where one has more in its memory by then than it may. */
async function inSession<T>(
  { farm, requester }: CellWorld,
  traced: boolean,
  use: () => Promise<T>,
): Promise<{ readonly value: T } | { readonly refused: string }> {
  await farm.free();
  try {
    await requester.ask({ type: 'open', traced });
    const refused = await limitOrWhy(farm);
    return refused === undefined ? { value: await use() } : { refused };
  } finally {
    await farm.free();
    await requester.ask({ type: 'close' });
  }
}

async function limitOrWhy(farm: Farm): Promise<string | undefined> {
  try {
    await farm.limit();
    return undefined;
  } catch (thrown) {
    if (thrown instanceof PeerceptronError && thrown.code === 'USAGE') return thrown.message;
    throw thrown;
  }
}

interface Taken {
  readonly bytesPerFrame: number;
  readonly processors: CellResult['processors'];
  readonly memoryBytes: CellResult['memoryBytes'];
  readonly devices: readonly {
    readonly name: string;
    readonly computeMs: number;
    readonly otherMs: number;
  }[];
}

/** What the devices took between two looks at them. */
export function figuresOf({
  before,
  after,
  used,
  frames,
}: {
  readonly before: readonly DeviceFigures[];
  readonly after: readonly DeviceFigures[];
  readonly used: readonly string[];
  readonly frames: number;
}): Taken {
  const grown = after.map((now) => {
    const then = before.find(({ name }) => name === now.name)!;
    return {
      name: now.name,
      computeMs: now.computeMs - then.computeMs,
      otherMs: now.otherMs - then.otherMs,
      sentBytes: now.sentBytes - then.sentBytes,
      memoryBytes: now.peakResidentBytes,
    };
  });
  const devices = grown.filter(({ name }) => used.includes(name));
  const mean = (pick: (device: (typeof grown)[number]) => number): number =>
    devices.reduce((sum, device) => sum + pick(device), 0) / devices.length;
  return {
    bytesPerFrame: grown.reduce((sum, { sentBytes }) => sum + sentBytes, 0) / frames,
    processors: {
      computeMs: mean(({ computeMs }) => computeMs) / frames,
      otherMs: mean(({ otherMs }) => otherMs) / frames,
    },
    memoryBytes: {
      mean: mean(({ memoryBytes }) => memoryBytes),
      most: Math.max(...devices.map(({ memoryBytes }) => memoryBytes)),
    },
    devices,
  };
}

export interface AloneOptions {
  readonly share: number;
  readonly answer?: Float32Array;
  readonly program?: string;
  /** What runs with all of the machine takes its turn: loading, and frames that tell what one takes undisturbed. */
  readonly turns: Sequence;
}

/** A runtime on one device, which has all the memory that it wants. */
export async function measureAlone(
  runtime: Runtime,
  { network, frames }: Pick<Wanted, 'network' | 'frames'>,
  { share, answer, program, turns }: AloneOptions,
): Promise<Outcome> {
  const device = startSoloDevice(program === undefined ? {} : { program });
  try {
    await turns.add(async () => {
      await device.load({ runtime, network });
      for (let frame = 0; frame < WARM_UPS; frame++) await device.run(FARM_SEED);
      await device.setShare(share);
    });
    const runs = [];
    for (let frame = 0; frame < frames; frame++)
      runs.push(await device.run(FARM_SEED, { output: frame === frames - 1 }));
    const latenciesMs = runs.map(({ latencyMs }) => latencyMs);
    const wallMs = latenciesMs.reduce((sum, ms) => sum + ms, 0);
    const computeMs = runs.reduce((sum, { processorMs }) => sum + processorMs, 0);
    const residentBytes = Math.max(0, ...runs.map(({ resident }) => resident?.most ?? 0));
    const output = Float32Array.from(runs.at(-1)!.output!);
    const framesPerSecond = (1000 * frames) / wallMs;
    return {
      state: 'measured',
      frames,
      latenciesMs,
      framesPerSecond,
      used: 1,
      bytesPerFrame: 0,
      processors: { computeMs: computeMs / frames, otherMs: 0 },
      memoryBytes: { mean: residentBytes, most: residentBytes },
      joulesPerFrame: joulesPerFrame([busyShares({ computeMs, otherMs: 0, wallMs, share })], framesPerSecond),
      difference: relativeDifference(output, answer ?? output),
    };
  } catch (thrown) {
    if (!(thrown instanceof PeerceptronError)) throw thrown;
    return { state: 'refused', why: thrown.message };
  } finally {
    await device.stop();
  }
}
