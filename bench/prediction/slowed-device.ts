import { loadModelByName } from '../../headless/model-files.ts';
import { shapeSize } from '../../src/graph/box.ts';
import { systemClock } from '../../src/mesh/system-clock.ts';
import { choosePlan } from '../../src/planner/search.ts';
import type { AdaptiveSession } from '../../src/runtime/adaptive-session.ts';
import { runInOrder } from '../../src/runtime/frame-stream.ts';
import { openPlannedSession } from '../../src/runtime/planned-session.ts';
import { openSession } from '../../src/runtime/session.ts';
import { asSessionId } from '../../src/shared/ids.ts';
import { seededRandom } from '../../src/shared/random.ts';
import type { BenchmarkContext, Row } from '../benchmark.ts';
import { measureRate } from '../frame-times.ts';
import { profiled } from '../profiled.ts';
import { newSurvey, SHARES, type LimitedWorld } from './limited-world.ts';

const NETWORK = 'alexnet';
const SLOWER = 4;
/** Frames run for so long before the device becomes slower, and as it is then. */
const BEFORE_MS = 8_000;
/** The plan has so long to change. */
const ADAPT_MS = 5_000;
const AFTER_MS = 12_000;
const REFERENCE_FRAMES = 60;

/** A device becomes four times slower while frames run: when does the mesh run as if it had been planned with that? */
export async function slowedDevice(
  world: LimitedWorld,
  { quick, say }: Pick<BenchmarkContext, 'quick' | 'say'>,
): Promise<Row[]> {
  const { node, peers, processes } = world;
  const { graph, weights, seeded } = await loadModelByName(NETWORK, { seed: 7 });
  const random = seededRandom(3);
  const inputs = graph.inputs.map(({ shape }) =>
    Float32Array.from({ length: shapeSize(shape) }, () => random.next() * 2 - 1),
  );
  const source = { node, graph, weights, seeded, clock: systemClock };
  const survey = await newSurvey(world);
  await profiled(survey, peers);
  let plans = 0;
  const session = await openPlannedSession({
    ...source,
    session: asSessionId('d'.repeat(32)),
    roster: { peers: () => peers.map(({ id }) => id), subscribe: () => () => undefined },
    describe: (peer) => peers.find(({ id }) => id === peer),
    survey,
    objective: { kind: 'throughput' },
    onEvent: ({ type }) => {
      if (type === 'switched') plans += 1;
    },
  });
  world.keepApart();
  const scale = quick ? 0.5 : 1;
  let slowedAtMs = Infinity;
  const doneAtMs: number[] = [];
  const lost = await feed(session, inputs, {
    onResult(nowMs) {
      doneAtMs.push(nowMs);
      if (slowedAtMs === Infinity && nowMs > doneAtMs[0]! + BEFORE_MS * scale) {
        say(`the fastest device becomes ${SLOWER} times slower`);
        void processes[0]!.setShare(SHARES[0] / SLOWER, true);
        slowedAtMs = nowMs;
      }
    },
    isOver: (nowMs) => nowMs > slowedAtMs + ADAPT_MS + AFTER_MS * scale,
  });
  await session.close();
  const adapted = doneAtMs.filter((ms) => ms > slowedAtMs + ADAPT_MS);
  const rate = ((adapted.length - 1) / (adapted.at(-1)! - adapted[0]!)) * 1000;
  const before = doneAtMs.filter((ms) => ms <= slowedAtMs);
  const rateBefore = ((before.length - 1) / (before.at(-1)! - before[0]!)) * 1000;

  // The same devices as they are now, planned for from the start.
  const fresh = await newSurvey(world);
  const choice = await fresh.plan(
    await profiled(fresh, peers),
    { graph, session: asSessionId('e'.repeat(32)), epoch: 0, objective: { kind: 'throughput' } },
    choosePlan,
  );
  const reference = await openSession({ ...source, plan: choice.plan, window: choice.prediction.window });
  world.keepApart();
  await reference.run(inputs);
  const { value: best } = await measureRate(reference, inputs, Math.round(REFERENCE_FRAMES * scale));
  await reference.close();
  await processes[0]!.setShare(SHARES[0], true);
  const which = `a device ${SLOWER} × slower mid-run`;
  return [
    { name: `${which}: rate from ${ADAPT_MS / 1000} s on over that of a plan made for it`, value: rate / best, unit: '×', goal: { atLeast: 0.9 } },
    { name: `${which}: frames lost`, value: lost, unit: '', goal: { atMost: 0 } },
    { name: `${which}: rate before`, value: rateBefore, unit: 'frames/s', goal: null },
    { name: `${which}: rate from ${ADAPT_MS / 1000} s on`, value: rate, unit: 'frames/s', goal: null },
    { name: `${which}: rate of a plan made for it`, value: best, unit: 'frames/s', goal: null },
    { name: `${which}: plans in use, one after the other`, value: plans, unit: '', goal: null },
  ]; // prettier-ignore
}

/** Frames without end, in order, as many in flight as the session likes; returns how many had no result. */
async function feed(
  session: AdaptiveSession,
  inputs: readonly Float32Array[],
  { onResult, isOver }: { onResult: (nowMs: number) => void; isOver: (nowMs: number) => boolean },
): Promise<number> {
  let offered = 0;
  let done = 0;
  function* frames(): Generator<number> {
    while (!isOver(performance.now())) yield offered++;
  }
  for await (const { frame } of runInOrder(session, frames(), () => inputs)) {
    if (frame !== done) throw new Error(`frame ${frame} came in the place of ${done}`);
    done += 1;
    onResult(performance.now());
  }
  return offered - done;
}
