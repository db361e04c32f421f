import type { Command } from 'commander';
import type { Graph } from '../../src/graph/graph.ts';
import type { Objective, PlanChoice } from '../../src/planner/choice.ts';
import type { Codec } from '../../src/planner/codec.ts';
import { buildWorld } from '../../src/planner/devices-world.ts';
import { isPresetName, PRESET_NAMES, type PresetName } from '../../src/planner/device-presets.ts';
import {
  drawDevices,
  findKnee,
  scalingCurve,
  WORTHWHILE,
  type Population,
  type ScalingSample,
  type Spread,
} from '../../src/planner/scaling.ts';
import { PeerceptronError, toPeerceptronError } from '../../src/shared/errors.ts';
import {
  parseCount,
  parseCounts,
  parsePositive,
  parseSeed,
  parseShape,
  parseSizeSpread,
  parseSpread,
} from '../flags.ts';
import { loadModelByName, MODEL_HELP } from '../model-files.ts';
import { planWithin } from '../planning/chosen-plan.ts';
import {
  addObjectiveFlags,
  codecsWithin,
  objectiveOf,
  type ObjectiveFlags,
} from '../planning/objective-flags.ts';
import { peersOf } from '../planning/plan-preview.ts';
import { describeObjective, wrap } from '../planning/plan-report.ts';
import {
  curveCsv,
  describeCurve,
  describeKnee,
  METRIC_NAMES,
  metricOf,
  textCurve,
} from '../planning/scaling-report.ts';
import { scalingSvg } from '../planning/scaling-svg.ts';
import { writeOutput } from '../output-file.ts';
import { createTerminal, usage, type Terminal } from '../terminal.ts';

interface SimulateFlags extends ObjectiveFlags {
  readonly model: string;
  readonly devices: string;
  readonly counts: readonly number[];
  readonly speeds?: Spread;
  readonly rates?: Spread;
  readonly delays?: Spread;
  readonly memory?: Spread;
  readonly loss?: Spread;
  readonly requester?: string;
  readonly seed: number;
  readonly draws?: number;
  readonly knee: number;
  readonly inputShape?: readonly number[];
  readonly budget: number;
  readonly csv?: boolean;
  readonly svg?: string;
  readonly json?: boolean;
}

export function addSimulateCommand(program: Command): void {
  const command = program
    .command('simulate')
    .description('how a network scales with the number of devices: 1 to 1,000 of them, drawn from ranges')
    .requiredOption('--model <model>', MODEL_HELP)
    .requiredOption(
      '--devices <presets>',
      `kinds of devices in turn, as pi3 or pi3,phone (${PRESET_NAMES.join(', ')})`,
    )
    .option(
      '--counts <numbers>',
      'numbers of devices, as 1-12,16,32',
      parseCounts,
      [1, 2, 3, 4, 6, 8, 12, 16],
    )
    .option('--speeds <range>', 'factor on the speed of each, as 0.5-2', parseSpread)
    .option('--rates <range>', 'Mbit/s of each, as 10-300', parseSpread)
    .option('--delays <range>', 'milliseconds that each adds, one way, as 1-20', parseSpread)
    .option('--memory <range>', 'what each offers, as 256MB-4GB', parseSizeSpread)
    .option('--loss <range>', 'share of packets that each loses, as 0-0.02', parseSpread)
    .option('--requester <preset>', 'who sends the input and does not compute (default: like the first)')
    .option('--seed <n>', 'of what is drawn', parseSeed, 1)
    .option('--draws <n>', 'how often devices are drawn (default: 5, or 1 without ranges)', parseCount)
    .option('--knee <percent>', 'what a doubling must gain to be worth it', parsePositive, WORTHWHILE * 100)
    .option('--input-shape <shape>', 'for models that work at any size, as 224x224x3', parseShape);
  addObjectiveFlags(command)
    .option('--budget <seconds>', 'how long the search may take for each number and draw', parsePositive, 3)
    .option('--csv', 'print the curve as CSV')
    .option('--svg <file>', 'write the curve as a picture')
    .option('--json', 'print one JSON document')
    .action(simulateScaling);
}

/** Of prose; tables are as wide as they are. */
const COLUMNS = 80;

async function simulateScaling(flags: SimulateFlags): Promise<void> {
  if (flags.csv && flags.json) throw usage('--csv or --json, not both: each is all that stands on stdout');
  const terminal = createTerminal(flags.json ?? false);
  const objective = objectiveOf(flags);
  const population = populationOf(flags);
  const { speeds, rates, delays, memory, loss } = flags;
  const isRandom = [speeds, rates, delays, memory, loss].some((range) => range && range.low < range.high);
  // Without ranges every draw is the same.
  const draws = isRandom ? (flags.draws ?? 5) : 1;
  const { graph } = await loadModelByName(flags.model, { inputShape: flags.inputShape });
  const codecs = codecsWithin(flags.codec);
  const samples = sampleAll({ terminal, graph, objective, codecs, population, draws, flags });
  const points = scalingCurve(samples);
  const metric = metricOf(objective);
  const worthwhile = flags.knee / 100;
  const knee = findKnee(points, metric, worthwhile);
  const heading = `${graph.name} on 1 to ${points.at(-1)!.devices} × ${population.presets.join(', ')}: ${METRIC_NAMES[metric]}`;
  const subtitle = `planned for ${describeObjective(objective)}${draws > 1 ? `; median and extremes of ${draws} draws, seed ${flags.seed}` : ''}`;
  if (flags.svg !== undefined) {
    await writeOutput(flags.svg, scalingSvg({ heading, subtitle, points, metric, knee, worthwhile }));
  }
  terminal.result({
    model: graph.name,
    objective,
    population,
    seed: flags.seed,
    draws,
    metric,
    worthwhile,
    knee,
    points,
    samples,
  });
  if (flags.csv) {
    terminal.say(curveCsv(points, knee).trimEnd());
    return;
  }
  const said = [
    `${heading}\n${subtitle}`,
    describeCurve(points, metric, knee),
    textCurve(points, metric, knee),
  ];
  const reason = points.find((point) => point.reason)?.reason;
  if (reason) said.push(wrap(`No plan fits some of them, for example: ${reason}`, COLUMNS));
  const cut = points.reduce((sum, point) => sum + point.cut, 0);
  if (cut > 0) {
    const sentence = `Time was up after ${flags.budget} s in ${cut} of ${samples.length} searches: those are the best plans until then (--budget).`;
    said.push(wrap(sentence, COLUMNS));
  }
  terminal.say([...said, describeKnee(knee, worthwhile)].join('\n\n'));
}

function sampleAll(options: {
  readonly terminal: Terminal;
  readonly graph: Graph;
  readonly objective: Objective;
  readonly codecs: readonly Codec[];
  readonly population: Population;
  readonly draws: number;
  readonly flags: SimulateFlags;
}): ScalingSample[] {
  const { terminal, graph, objective, codecs, population, draws, flags } = options;
  const samples: ScalingSample[] = [];
  const total = draws * flags.counts.length;
  for (let draw = 0; draw < draws; draw++) {
    let incumbent: PlanChoice['plan'] | undefined;
    for (const devices of flags.counts) {
      terminal.bars([
        { label: 'plans', done: samples.length, total, format: String, state: `${devices} devices` },
      ]);
      const world = buildWorld(drawDevices(population, devices, { seed: flags.seed, draw }));
      const sample = { devices, draw };
      try {
        const { choice, isCut } = planWithin({
          graph,
          world,
          objective,
          codecs,
          budgetMs: flags.budget * 1000,
          now: () => performance.now(),
          // The plan for fewer of these devices is one for more of them, too.
          ...(incumbent ? { incumbent } : {}),
        });
        incumbent = choice.plan;
        const { latencyMs, framesPerSecond } = choice.prediction;
        const used = peersOf(choice.plan).size;
        const gain = choice.gain === undefined ? {} : { gain: choice.gain };
        samples.push({ ...sample, latencyMs, framesPerSecond, ...gain, used, isCut });
      } catch (thrown) {
        const { code, message } = toPeerceptronError(thrown);
        if (code !== 'PLAN_MEMORY' && code !== 'PLAN_RATE') throw thrown;
        samples.push({ ...sample, refused: message });
      }
    }
  }
  terminal.endProgress();
  return samples;
}

function populationOf(flags: SimulateFlags): Population {
  const presets = flags.devices.split(',').map((name) => presetOf(name.trim(), '--devices'));
  const { speeds, rates, delays, memory, loss, requester } = flags;
  if (speeds && speeds.low <= 0) throw usage('--speeds: a device of speed 0 never ends');
  if (rates && rates.low <= 0) throw usage('--rates: nothing crosses a link of 0 Mbit/s');
  if (memory && memory.low <= 0) throw usage('--memory: a device that offers none cannot compute');
  if (loss && loss.high > 0.5) throw usage('--loss: a share of packets, 0 to 0.5');
  return {
    presets,
    ...(speeds ? { speed: speeds } : {}),
    ...(rates ? { rateMbit: rates } : {}),
    ...(delays ? { delayMs: delays } : {}),
    ...(memory ? { memoryBytes: memory } : {}),
    ...(loss ? { loss } : {}),
    ...(requester === undefined ? {} : { requester: presetOf(requester, '--requester') }),
  };
}

function presetOf(name: string, flag: string): PresetName {
  if (isPresetName(name)) return name;
  throw new PeerceptronError(
    'DEVICES_INVALID',
    `${flag}: no preset '${name}': there are ${PRESET_NAMES.join(', ')}. How many there are of them says --counts`,
  );
}
