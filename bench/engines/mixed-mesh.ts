import { join } from 'node:path';
import { PlanThread } from '../../headless/plan-thread.ts';
import { systemClock } from '../../src/mesh/system-clock.ts';
import type { Plan } from '../../src/planner/plan.ts';
import type { PredictedPlan } from '../../src/planner/prediction.ts';
import type { PlanSearch } from '../../src/planner/search-task.ts';
import { runInOrder } from '../../src/runtime/frame-stream.ts';
import { openPlannedSession } from '../../src/runtime/planned-session.ts';
import type { Session } from '../../src/runtime/session.ts';
import type { Survey } from '../../src/runtime/survey.ts';
import { toPeerceptronError } from '../../src/shared/errors.ts';
import { asSessionId, type PeerId } from '../../src/shared/ids.ts';
import type { BenchmarkContext, Row } from '../benchmark.ts';
import { withCleanUp } from '../clean-up.ts';
import { soloNetwork } from '../farm/baselines/solo-model.ts';
import { measureRate } from '../frame-times.ts';
import type { Network } from '../overhead/networks.ts';
import { newSurvey } from '../prediction/limited-world.ts';
import { profiled } from '../profiled.ts';
import { relativeDifference } from '../relative-difference.ts';
import { inputOf, openWhole, withAll } from './in-turns.ts';
import { mixedRows, SETTINGS, type MixedRound, type MixedSetting } from './mixed-rows.ts';
import {
  CORES,
  openLimits,
  openMixedWorld,
  type Limits,
  type MixedPeer,
  type MixedWorld,
} from './mixed-world.ts';

/** What is measured of a session at a time takes about so long, and has no fewer frames. */
const MEASURED_MS = 14_000;
const QUICK_MS = 4_000;
const FEWEST_FRAMES = 4;
/** In turns, the other way round every second time. */
const ROUNDS = 3;
/** A session has found its plan when it has not changed it for so long; at most. */
const SETTLED_MS = 40_000;
const SETTLING_MS = 150_000;

interface Opened {
  readonly session: Session;
  /** Of the plan that was chosen last. */
  readonly chosen: () => PredictedPlan;
  /** The latest switch, as `performance.now()` has it. */
  readonly switchedAtMs: () => number;
}

interface Measured {
  readonly framesPerSecond: number;
  readonly difference: number;
}

/** VGG16's rate on a native Node peer, on a page in Chromium, and on both as the planner deals it out. Nothing where this machine cannot tell. */
export const mixedMesh = (context: BenchmarkContext): Promise<Row[]> =>
  withCleanUp(async (undo) => {
    let limits: Limits;
    try {
      limits = openLimits(undo);
    } catch (thrown) {
      const { code, message } = toPeerceptronError(thrown);
      if (code !== 'USAGE') throw thrown;
      context.say(`left out: a mesh of Node and Chromium: ${message}`);
      return [];
    }
    return rows(undo, limits, context);
  });

async function rows(
  undo: (() => unknown)[],
  limits: Limits,
  { quick, say }: BenchmarkContext,
): Promise<Row[]> {
  const network = soloNetwork({ network: 'vgg16' });
  const input = inputOf(network);
  const expected = await withAll([() => openWhole(network, 'wasm', 1)], async ([whole]) =>
    whole!.predict(input),
  );
  say(`vgg16: a native Node peer and a page in Chromium, each with ${CORES} of one core`);
  const world = await openMixedWorld(undo, limits);
  const opened = await open(undo, world, network);
  const sayPlan = (setting: MixedSetting): void =>
    say(`  ${setting}: ${planInWords(opened[setting].chosen(), world)}`);
  SETTINGS.forEach(sayPlan);
  say('  frames run until both have the plan that their measured times ask for');
  await settle(opened.both, input);
  sayPlan('both');
  const rounds: MixedRound[] = [];
  let difference = 0;
  for (let round = 0; round < (quick ? 1 : ROUNDS); round++) {
    const rates: Partial<Record<MixedSetting, number>> = {};
    for (const setting of round % 2 === 0 ? SETTINGS : SETTINGS.toReversed()) {
      const used = usedOf(world);
      const measured = await measure(opened[setting], input, expected, quick ? QUICK_MS : MEASURED_MS);
      rates[setting] = measured.framesPerSecond;
      difference = Math.max(difference, measured.difference);
      const predicted = opened[setting].chosen().prediction.framesPerSecond.toFixed(2);
      say(`  ${setting}: ${measured.framesPerSecond.toFixed(2)} frames/s, predicted ${predicted}; ${used()}`);
    }
    rounds.push(rates as MixedRound);
  }
  const planned = new Set(usedBy(opened.both.session.plan));
  const unused = ([world.native, world.chromium] as const)
    .map(({ peer }) => peer)
    .filter(({ id }) => !planned.has(id));
  return mixedRows(rounds, { difference, unused: unused.map(({ name }) => name) });
}

/**
 * By what devices measure of themselves as those that they are while they are measured. All sessions at once, so that none is dealt out while
 * another one runs; the devices are quick meanwhile.
 */
async function open(
  undo: (() => unknown)[],
  world: MixedWorld,
  network: Network,
): Promise<Readonly<Record<MixedSetting, Opened>>> {
  const { native, chromium } = world;
  const survey = await newSurvey(world);
  // One after the other: they share a processor.
  await profiled(survey, [native.peer, chromium.peer]);
  const planThread = new PlanThread(join(process.cwd(), 'dist/node/plan-worker.js'));
  undo.push(() => planThread.close());
  const openOne = async (id: string, ...peers: readonly MixedPeer[]): Promise<Opened> => {
    const opened = await openPlanned(world, network, { survey, search: planThread.search, id, peers });
    undo.push(() => opened.session.close());
    return opened;
  };
  world.limit(false);
  const opened = {
    native: await openOne('a', native),
    chromium: await openOne('b', chromium),
    both: await openOne('c', native, chromium),
  };
  undo.push(() => world.limit(false));
  world.limit(true);
  return opened;
}

interface Asked {
  readonly survey: Survey;
  readonly search: PlanSearch;
  readonly id: string;
  readonly peers: readonly MixedPeer[];
}

/** As anybody's who joins the room and streams frames. */
async function openPlanned(
  { node }: MixedWorld,
  { graph, weights, seeded }: Network,
  { survey, search, id, peers }: Asked,
): Promise<Opened> {
  let chosen: PredictedPlan | undefined;
  let switchedAtMs = 0;
  const session = await openPlannedSession({
    ...{ node, graph, weights, seeded, survey, search, clock: systemClock },
    session: asSessionId(id.repeat(32)),
    objective: { kind: 'throughput' },
    roster: { peers: () => peers.map(({ peer }) => peer.id), subscribe: () => () => undefined },
    describe: (asked) => peers.find(({ peer }) => peer.id === asked)?.peer,
    onChoice: ({ choice }) => {
      chosen = choice;
    },
    onEvent: ({ type }) => {
      if (type === 'switched') switchedAtMs = performance.now();
    },
  });
  return { session, chosen: () => chosen!, switchedAtMs: () => switchedAtMs };
}

/** Frames without a pause until their plan has stayed for a while. */
async function settle({ session, switchedAtMs }: Opened, input: Float32Array): Promise<void> {
  const startedAtMs = performance.now();
  const isSettled = (): boolean => {
    const now = performance.now();
    return now > Math.max(startedAtMs, switchedAtMs()) + SETTLED_MS || now > startedAtMs + SETTLING_MS;
  };
  function* frames(): Generator<number> {
    for (let frame = 0; !isSettled(); frame++) yield frame;
  }
  for await (const { frame, result } of runInOrder(session, frames(), () => [input])) {
    if (result.outputs.length === 0) throw new Error(`frame ${frame} has no answer`);
  }
}

async function measure(
  { session, chosen }: Opened,
  input: Float32Array,
  expected: Float32Array,
  forMs: number,
): Promise<Measured> {
  const count = Math.max(FEWEST_FRAMES, Math.round((chosen().prediction.framesPerSecond * forMs) / 1000));
  const { value, frames } = await measureRate(session, [input], count);
  const differences = frames.map(({ outputs }) => relativeDifference(outputs[0]!, expected));
  return { framesPerSecond: value, difference: Math.max(...differences) };
}

/** What both have taken of a processor since the call, in words; the rests before the first and after the last frame count, too. */
function usedOf({ native, chromium }: MixedWorld): () => string {
  const before = [native, chromium].map(({ tree }) => tree.usedMs());
  const sinceMs = performance.now();
  return () =>
    [native, chromium]
      .map(({ peer, tree }, index) => {
        const part = (tree.usedMs() - before[index]!) / (performance.now() - sinceMs);
        return `${peer.name} took ${part.toFixed(2)} of a core`;
      })
      .join(', ');
}

/** By segment the parts of the lanes, and who computes them. */
function planInWords({ plan, prediction }: PredictedPlan, { native, chromium }: MixedWorld): string {
  const nameOf = (id: PeerId): string =>
    [native, chromium].find(({ peer }) => peer.id === id)?.peer.name ?? id;
  const segments = plan.segments.map(({ ops, lanes }) => {
    const all = lanes.reduce((sum, { share }) => sum + share, 0);
    const parts = lanes.map(
      ({ share, tiles }) => `${(share / all).toFixed(2)} ${tiles.map(({ peer }) => nameOf(peer)).join('+')}`,
    );
    return `ops ${ops[0]}–${ops[1] - 1} by ${parts.join(', ')}`;
  });
  return `${segments.join('; ')}; ${prediction.window} frames in flight`;
}

const usedBy = (plan: Plan): PeerId[] =>
  plan.segments.flatMap(({ lanes }) => lanes.flatMap(({ tiles }) => tiles.map(({ peer }) => peer)));
