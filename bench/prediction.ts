import { loadModelByName } from '../headless/model-files.ts';
import { shapeSize } from '../src/graph/box.ts';
import { systemClock } from '../src/mesh/system-clock.ts';
import type { NetworkName } from '../src/models/presets.ts';
import type { Objective, PlanChoice } from '../src/planner/choice.ts';
import { choosePlan } from '../src/planner/search.ts';
import type { FrameResult } from '../src/runtime/frames-in-flight.ts';
import { openSession } from '../src/runtime/session.ts';
import { compareOutputs } from '../src/runtime/whole-model.ts';
import { asSessionId } from '../src/shared/ids.ts';
import { seededRandom } from '../src/shared/random.ts';
import { median, type Benchmark, type BenchmarkContext, type Row } from './benchmark.ts';
import { undoAll, withCleanUp, withPart } from './clean-up.ts';
import { measureLatency, measureRate } from './frame-times.ts';
import { newSurvey, openLimitedWorld, SHARES, type LimitedWorld } from './prediction/limited-world.ts';
import { profiled } from './profiled.ts';
import { Quiet } from './quiet.ts';
import { slowedDevice } from './prediction/slowed-device.ts';

const NETWORKS_MEASURED: readonly NetworkName[] = ['alexnet', 'vgg16', 'xception', 'c3d'];
const OBJECTIVES: readonly Objective[] = [{ kind: 'latency' }, { kind: 'throughput' }];
const SEED = 5;
/** What is measured of a cell takes about so long, within these numbers of frames. */
const CELL_MS = 5_000;
const FEWEST_FRAMES = 3;
/** Lanes take turns by their shares: of fewer frames some would have had more than theirs. */
const FRAMES_PER_LANE = 4;
const MOST_FRAMES = 60;

interface Cell {
  readonly network: NetworkName;
  readonly peers: number;
  readonly objective: Objective['kind'];
  /** Latency in milliseconds, or frames per second. */
  readonly predicted: number;
  readonly measured: number;
  /** How many devices the plan uses. */
  readonly used: number;
}

async function rows(undo: (() => unknown)[], { quick, say }: BenchmarkContext): Promise<Row[]> {
  const cells: Cell[] = [];
  const quiet = new Quiet();
  let difference = 0;
  for (const network of quick ? NETWORKS_MEASURED.slice(0, 1) : NETWORKS_MEASURED) {
    const model = await loadModelByName(network, { seed: SEED });
    const random = seededRandom(11);
    const inputs = model.graph.inputs.map(({ shape }) =>
      Float32Array.from({ length: shapeSize(shape) }, () => random.next() * 2 - 1),
    );
    let known: readonly Float32Array[] | undefined;
    for (let count = 1; count <= SHARES.length; count++) {
      say(`starting ${count} peers, with ${SHARES.slice(0, count).join(', ')} of a core`);
      await withPart(undo, async (own) => {
        // Devices that join now: what their machine is busy with changes over the minutes that a network takes.
        const { world, survey, devices } = await quiet.measured(say, async () => {
          await undoAll(own);
          const joined = await openLimitedWorld(own, count);
          const survey = await newSurvey(joined);
          return { world: joined, survey, devices: await profiled(survey, joined.peers) };
        });
        for (const [index, objective] of OBJECTIVES.entries()) {
          const session = asSessionId((index + 1).toString(16).padStart(32, '0'));
          const { graph } = model;
          const choice = await survey.plan(devices, { graph, session, epoch: 0, objective }, choosePlan);
          const cell = {
            network,
            peers: count,
            objective: objective.kind,
            ...expectation(choice, objective),
          };
          const { told } = cell;
          say(
            `${network}, ${count} peers, ${objective.kind}: predicted ${told(cell.predicted)} on ${cell.used} of them`,
          );
          const { measured, outputs, results } = await quiet.measured(say, () =>
            measure({ world, model, inputs, choice, objective, quick }),
          );
          known ??= outputs;
          const { maxAbsDiff, maxAbs } = compareOutputs(outputs, known);
          difference = Math.max(difference, maxAbsDiff / maxAbs);
          say(`  measured ${told(measured)} (${((cell.predicted / measured - 1) * 100).toFixed(0)} % off)`);
          say(`  computing per frame: ${computingOf(choice, results)}`);
          cells.push({ ...cell, measured });
        }
      });
    }
  }
  const slowed = await withPart(undo, async (own) =>
    slowedDevice(await openLimitedWorld(own), { quick, say }),
  );
  return [...cells.map(rowOf), ...summary(cells), differenceRow(difference), ...slowed];
}

function expectation(
  { prediction, plan }: PlanChoice,
  objective: Objective,
): Pick<Cell, 'predicted' | 'used'> & { readonly told: (value: number) => string } {
  const tiles = plan.segments.flatMap(({ lanes }) => lanes.flatMap((lane) => lane.tiles));
  const used = new Set(tiles.map(({ peer }) => peer)).size;
  return objective.kind === 'latency'
    ? { used, predicted: prediction.latencyMs, told: (value) => `${value.toFixed(0)} ms` }
    : { used, predicted: prediction.framesPerSecond, told: (value) => `${value.toPrecision(3)} frames/s` };
}

interface MeasureOptions {
  readonly world: LimitedWorld;
  readonly model: Awaited<ReturnType<typeof loadModelByName>>;
  readonly inputs: readonly Float32Array[];
  readonly choice: PlanChoice;
  readonly objective: Objective;
  readonly quick: boolean;
}

/** Latency in milliseconds, or frames per second, of a session that runs the plan; with the first answer, and the frames of the figure. */
async function measure({ world, model, inputs, choice, objective, quick }: MeasureOptions): Promise<{
  readonly measured: number;
  readonly outputs: readonly Float32Array[];
  readonly results: readonly FrameResult[];
}> {
  const { prediction, plan } = choice;
  const { graph, weights, seeded } = model;
  const isLatency = objective.kind === 'latency';
  const window = isLatency ? 1 : prediction.window;
  const source = { node: world.node, graph, weights, seeded, clock: systemClock };
  const session = await openSession({ ...source, plan, window });
  const { outputs } = await session.run(inputs);
  world.keepApart();
  const perFrameMs = isLatency ? prediction.latencyMs : 1000 / prediction.framesPerSecond;
  const lanes = Math.max(...plan.segments.map((segment) => segment.lanes.length));
  const fewest = isLatency ? FEWEST_FRAMES : Math.max(FEWEST_FRAMES, FRAMES_PER_LANE * lanes);
  const wanted = Math.ceil((quick ? 3000 : CELL_MS) / perFrameMs);
  const count = Math.min(MOST_FRAMES, Math.max(fewest, wanted));
  const { value, frames } = await (isLatency ? measureLatency : measureRate)(session, inputs, count);
  await session.close();
  return { measured: value, outputs, results: frames };
}

/** Of each device, as predicted and as its engine took it; milliseconds. */
function computingOf({ prediction }: PlanChoice, frames: readonly FrameResult[]): string {
  const told = prediction.devices.slice(1).map(({ peer, computeMs }) => {
    const own = frames.flatMap(({ tiles }) => tiles).filter((tile) => tile.peer === peer);
    const sum = own.reduce((total, tile) => total + tile.computeMs, 0);
    return `${computeMs.toFixed(0)}, ${(sum / frames.length).toFixed(0)}`;
  });
  return told.join('; ');
}

const errorOf = ({ predicted, measured }: Cell): number => Math.abs(predicted / measured - 1);

const rowOf = (cell: Cell): Row => ({
  name: `${cell.network}, ${cell.peers} peers (${cell.used} used), ${cell.objective}: measured; predicted ${cell.predicted.toPrecision(3)}`,
  value: cell.measured,
  unit: cell.objective === 'latency' ? 'ms' : 'frames/s',
  goal: null,
});

/** Measured time over that of the best single device in the same run; where the plan is that device, it is the same plan. */
function overSolo(cell: Cell, cells: readonly Cell[]): number {
  if (cell.used === 1) return 1;
  const solo = cells.find(
    ({ network, peers, objective }) =>
      network === cell.network && peers === 1 && objective === cell.objective,
  )!;
  return cell.objective === 'latency' ? cell.measured / solo.measured : solo.measured / cell.measured;
}

function summary(cells: readonly Cell[]): Row[] {
  const errors = cells.map(errorOf);
  const ratios = cells.map((cell) => overSolo(cell, cells));
  const gains = cells.filter(({ used }) => used > 1).map((cell) => 1 / overSolo(cell, cells));
  return [
    {
      name: 'predicted against measured: median error',
      value: median(errors) * 100,
      unit: '%',
      goal: { atMost: 12 },
    },
    {
      name: 'predicted against measured: worst error',
      value: Math.max(...errors) * 100,
      unit: '%',
      goal: { atMost: 30 },
    },
    {
      name: 'mesh over the best single device, measured: worst of all cells',
      value: Math.max(...ratios),
      unit: '×',
      goal: { atMost: 1.03 },
    },
    {
      name: 'cells in which the plan uses more than one peer',
      value: gains.length,
      unit: `of ${cells.length}`,
      goal: null,
    },
    {
      name: 'gain over the best single device where it does: median',
      value: gains.length > 0 ? median(gains) : 1,
      unit: '×',
      goal: null,
    },
  ];
}

const differenceRow = (difference: number): Row => ({
  name: 'largest relative difference between the answers of all plans',
  value: difference,
  unit: '',
  goal: { atMost: 1e-4 },
});

export const prediction: Benchmark = {
  summary:
    'what plans are expected to do, by what devices measure at join, against what they do; mesh against one device',
  run: (context) => withCleanUp((undo) => rows(undo, context)),
};
