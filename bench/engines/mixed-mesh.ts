import { systemClock } from '../../src/mesh/system-clock.ts';
import type { PlanChoice } from '../../src/planner/choice.ts';
import { choosePlan } from '../../src/planner/search.ts';
import { openSession, type Session } from '../../src/runtime/session.ts';
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

interface Opened {
  readonly session: Session;
  readonly predicted: number;
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
  const choices = await plans(world, network);
  for (const setting of SETTINGS) say(`  ${setting}: ${planInWords(choices[setting], world)}`);
  const opened = await open(undo, world, network, choices);
  const rounds: MixedRound[] = [];
  let difference = 0;
  for (let round = 0; round < (quick ? 1 : ROUNDS); round++) {
    const rates: Partial<Record<MixedSetting, number>> = {};
    for (const setting of round % 2 === 0 ? SETTINGS : SETTINGS.toReversed()) {
      const used = usedOf(world);
      const measured = await measure(opened[setting], input, expected, quick ? QUICK_MS : MEASURED_MS);
      rates[setting] = measured.framesPerSecond;
      difference = Math.max(difference, measured.difference);
      const predicted = opened[setting].predicted.toFixed(2);
      say(`  ${setting}: ${measured.framesPerSecond.toFixed(2)} frames/s, predicted ${predicted}; ${used()}`);
    }
    rounds.push(rates as MixedRound);
  }
  const planned = new Set(usedBy(choices.both));
  const unused = ([world.native, world.chromium] as const)
    .map(({ peer }) => peer)
    .filter(({ id }) => !planned.has(id));
  return mixedRows(rounds, { difference, unused: unused.map(({ name }) => name) });
}

/** From one survey of the devices as they are while they are measured. */
async function plans(
  world: MixedWorld,
  { graph }: Network,
): Promise<Readonly<Record<MixedSetting, PlanChoice>>> {
  const survey = await newSurvey(world);
  const choose = async (peers: readonly MixedPeer[], session: string): Promise<PlanChoice> =>
    survey.plan(
      // Known from the first time on.
      await profiled(
        survey,
        peers.map(({ peer }) => peer),
      ),
      { graph, session: asSessionId(session.repeat(32)), epoch: 0, objective: { kind: 'throughput' } },
      choosePlan,
    );
  const { native, chromium } = world;
  return {
    native: await choose([native], 'a'),
    chromium: await choose([chromium], 'b'),
    both: await choose([native, chromium], 'c'),
  };
}

/** All sessions at once, so that none is dealt out while another one runs; the devices are quick meanwhile. */
async function open(
  undo: (() => unknown)[],
  world: MixedWorld,
  { graph, weights, seeded }: Network,
  choices: Readonly<Record<MixedSetting, PlanChoice>>,
): Promise<Readonly<Record<MixedSetting, Opened>>> {
  const openOne = async ({ plan, prediction }: PlanChoice): Promise<Opened> => {
    const source = { node: world.node, graph, weights, seeded, clock: systemClock };
    const session = await openSession({ ...source, plan, window: prediction.window });
    undo.push(() => session.close());
    return { session, predicted: prediction.framesPerSecond };
  };
  world.limit(false);
  const opened = {
    native: await openOne(choices.native),
    chromium: await openOne(choices.chromium),
    both: await openOne(choices.both),
  };
  undo.push(() => world.limit(false));
  world.limit(true);
  return opened;
}

async function measure(
  { session, predicted }: Opened,
  input: Float32Array,
  expected: Float32Array,
  forMs: number,
): Promise<Measured> {
  const count = Math.max(FEWEST_FRAMES, Math.round((predicted * forMs) / 1000));
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
function planInWords({ plan, prediction }: PlanChoice, { native, chromium }: MixedWorld): string {
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

const usedBy = ({ plan }: PlanChoice): PeerId[] =>
  plan.segments.flatMap(({ lanes }) => lanes.flatMap(({ tiles }) => tiles.map(({ peer }) => peer)));
