import type { Graph } from '../src/graph/graph.ts';
import type { PlanChoice } from '../src/planner/choice.ts';
import { workMs } from '../src/planner/cost-model.ts';
import { choosePlan } from '../src/planner/search.ts';
import type { World } from '../src/planner/world.ts';
import { toPeerceptronError } from '../src/shared/errors.ts';
import { asSessionId } from '../src/shared/ids.ts';
import { seededRandom } from '../src/shared/random.ts';
import { median, timings, type Benchmark, type BenchmarkContext, type Row } from './benchmark.ts';
import { drawDevice, drawSmallNet, prepared, spread, worldOf } from './planner/draws.ts';
import { exhaustive } from './planner/exhaustive.ts';
import { judged } from './planner/judged.ts';
import { PAPER_LAYOUTS, paperPlan } from './planner/paper-layouts.ts';
import { SINGLE_METHODS, singleMethodBest } from './planner/single-method.ts';
import { wholeWork } from './whole-work.ts';

/** Plans until the code is compiled for speed, as it is in a session that plans again and again. */
const WARM_UPS = 5;

const session = asSessionId('b'.repeat(32));
const OBJECTIVES = ['latency', 'throughput'] as const;
type Kind = (typeof OBJECTIVES)[number];

const choose = (graph: Graph, world: World, kind: Kind, margin?: number): PlanChoice =>
  choosePlan({
    graph,
    session,
    epoch: 0,
    world,
    objective: { kind },
    ...(margin === undefined ? {} : { margin }),
  });

const costOf = ({ prediction }: PlanChoice, kind: Kind): number =>
  kind === 'latency' ? prediction.latencyMs : 1000 / prediction.framesPerSecond;

/** Small networks on up to three devices, so slow that splitting may be worth its messages. */
function qualityRows({ quick, say }: BenchmarkContext): Row[] {
  const cases = quick ? 12 : 500;
  const over: number[] = [];
  let plans = 0;
  for (let index = 0; index < cases; index++) {
    const random = seededRandom(1000 + index);
    const graph = drawSmallNet(random);
    const count = 1 + random.integer(3);
    const slow = spread(random, 0.003, 0.3);
    const world = worldOf(Array.from({ length: count }, () => {
      const draw = drawDevice(random);
      return { ...draw, speed: draw.speed * slow };
    })); // prettier-ignore
    const kind = OBJECTIVES[index % 2]!;
    const best = exhaustive(graph, world, kind);
    plans += best.plans;
    // Without the margin, which prefers a single device on purpose.
    over.push(costOf(choose(graph, world, kind, 0), kind) / best.bestMs);
    if (index % 50 === 49) say(`quality: ${index + 1} of ${cases} cases`);
  }
  const within = over.filter((ratio) => ratio <= 1.02).length / cases;
  const percent = (ratio: number): number => (ratio - 1) * 100;
  return [
    { name: `plan over the best of all (${cases} small cases, ${plans} plans tried), worst`, value: percent(Math.max(...over)), unit: '%', goal: { atMost: 2 } },
    { name: 'share of them within 2 %', value: within * 100, unit: '%', goal: { atLeast: 100 } },
    { name: 'plan over the best of all, median', value: percent(median(over)), unit: '%', goal: null },
  ]; // prettier-ignore
}

function singleMethodRows({ quick, say }: BenchmarkContext): Row[] {
  const draws = quick ? 4 : 200;
  const networks = (['alexnet', 'vgg16', 'xception', 'c3d'] as const).map(prepared);
  const gains: Record<Kind, number[]> = { latency: [], throughput: [] };
  /** Of what all devices would do, each the whole network by itself without memory or links in its way. */
  const most: { readonly overSingle: number; readonly reached: number }[] = [];
  const wins: Record<string, number> = {};
  let refused = 0;
  for (let index = 0; index < draws; index++) {
    const random = seededRandom(5000 + index);
    const graph = networks[random.integer(networks.length)]!;
    const world = worldOf(Array.from({ length: 2 + random.integer(9) }, () => drawDevice(random)));
    for (const kind of OBJECTIVES) {
      let ours = Infinity;
      try {
        ours = costOf(choose(graph, world, kind, 0), kind);
      } catch (thrown) {
        if (toPeerceptronError(thrown).code !== 'PLAN_MEMORY') throw thrown;
      }
      const single = singleMethodBest({ graph, world, objective: kind });
      const costs = SINGLE_METHODS.map((name) => [name, single[name]?.costMs ?? Infinity] as const);
      const [method, best] = costs.reduce((a, b) => (b[1] < a[1] ? b : a));
      if (ours === Infinity && best === Infinity) {
        refused += 1;
        continue;
      }
      wins[`${kind}, ${method}`] = (wins[`${kind}, ${method}`] ?? 0) + 1;
      // Infinite where no single method fits into the memory.
      gains[kind].push(best / ours);
      if (kind === 'throughput') {
        const leastMs = leastMsOf(graph, world);
        most.push({ overSingle: best / leastMs, reached: leastMs / ours });
      }
    }
    if (index % 20 === 19) say(`single methods: ${index + 1} of ${draws} draws`);
  }
  say(`best single methods: ${JSON.stringify(wins)}; refused for want of memory by all: ${refused}`);
  const all = [...gains.latency, ...gains.throughput];
  const alone = all.filter((gain) => gain === Infinity).length / all.length;
  return [
    { name: `best single-method plan over ours (${draws} draws, both objectives), worst`, value: Math.min(...all), unit: '×', goal: { atLeast: 1 } },
    { name: 'the same, median, latency', value: median(gains.latency), unit: '×', goal: null },
    { name: 'the same, median, rate', value: median(gains.throughput), unit: '×', goal: { atLeast: 1.25 } },
    { name: 'rate of all devices, each the whole network by itself without memory or links in its way, over the best single-method plan, median', value: median(most.map(({ overSingle }) => overSingle)), unit: '×', goal: null },
    { name: 'our rate over that of all devices, median', value: median(most.map(({ reached }) => reached)), unit: '×', goal: null },
    { name: 'the same as single methods, median, both objectives', value: median(all), unit: '×', goal: null },
    { name: 'share of them where memory allows no single method, which counts as infinitely worse', value: alone * 100, unit: '%', goal: null },
  ]; // prettier-ignore
}

/** Between frames. Plans come a little below where devices differ in what they are good at. */
function leastMsOf(graph: Graph, { devices }: World): number {
  const work = wholeWork(graph);
  return 1 / devices.reduce((sum, { profile }) => sum + 1 / workMs(work, profile), 0);
}

/** The published layouts, and ours on as many devices (the first of the paper's only sends, as our requester does). */
function paperRows(): Row[] {
  const rates: number[] = [];
  const latencies: number[] = [];
  const rows: Row[] = [];
  for (const { name, network, peers } of PAPER_LAYOUTS) {
    const graph = prepared(network);
    const pi = { speed: 1, mbits: 90, roundTripMs: 4, memoryBytes: 0.9e9 };
    const world = worldOf(new Array<typeof pi>(peers).fill(pi), pi);
    const plan = paperPlan(name, { graph, world, session, epoch: 0 });
    const { prediction: theirs } = judged(graph, world, 'throughput', plan);
    const rate = choose(graph, world, 'throughput').prediction.framesPerSecond / theirs.framesPerSecond;
    const latency = theirs.latencyMs / choose(graph, world, 'latency').prediction.latencyMs;
    rates.push(rate);
    latencies.push(latency);
    rows.push({
      name: `rate over that of the paper's ${name} on simulated Pi 3s`,
      value: rate,
      unit: '×',
      goal: null,
    });
    rows.push({ name: `the paper's latency over ours, ${name}`, value: latency, unit: '×', goal: null });
  }
  return [
    { name: 'rate over that of the paper\'s layouts, least of four', value: Math.min(...rates), unit: '×', goal: { atLeast: 1.2 } },
    { name: 'the paper\'s latency over ours, least of four', value: Math.min(...latencies), unit: '×', goal: { atLeast: 2 } },
    ...rows,
  ]; // prettier-ignore
}

async function timeRows({ quick, say }: BenchmarkContext): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [count, goal] of [
    [12, 300],
    [100, 3000],
  ] as const) {
    // prettier-ignore
    for (const network of ['vgg16', 'xception'] as const) {
      const times: number[] = [];
      for (const kind of OBJECTIVES) {
        const random = seededRandom(77 + count);
        const world = worldOf(Array.from({ length: count }, () => drawDevice(random)));
        // A graph of its own each time: nothing is known of it, only the code is warm.
        for (let run = 0; run < WARM_UPS && !quick; run++) choose(prepared(network), world, kind);
        const runs = await timings(quick ? 1 : 9, () => choose(prepared(network), world, kind));
        // Whatever else a machine does, or others on its cores, only adds to it.
        const leastMs = Math.min(...runs);
        say(`planning ${network} for ${kind} on ${count} devices: ${Math.round(leastMs)} ms`);
        times.push(leastMs);
      }
      rows.push({ name: `planning time, ${network}, ${count} devices, warm JIT, the slower objective`, value: Math.max(...times), unit: 'ms', goal: { atMost: goal } }); // prettier-ignore
    }
  }
  return rows;
}

export const planner: Benchmark = {
  summary:
    'plans against exhaustive search, single methods and the published layouts, all simulated; planning time',
  async run(context) {
    const rows = await timeRows(context);
    rows.push(...paperRows(), ...singleMethodRows(context), ...qualityRows(context));
    return rows;
  },
};
