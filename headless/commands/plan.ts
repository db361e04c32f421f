import type { Command } from 'commander';
import { gainOver } from '../../src/planner/gain.ts';
import { planFileOf } from '../../src/planner/plan-file.ts';
import type { DevicesSpec } from '../../src/planner/devices-file.ts';
import { buildWorld } from '../../src/planner/devices-world.ts';
import type { World } from '../../src/planner/world.ts';
import { compactJson } from '../compact-json.ts';
import { parseCount, parsePositive, parseShape } from '../flags.ts';
import { writeOutput } from '../output-file.ts';
import { loadModelByName, MODEL_HELP, WEIGHTS_HELP } from '../model-files.ts';
import { judgePlanFile, planWithin, type Chosen, type PlanningOptions } from '../planning/chosen-plan.ts';
import { DEVICES_HELP, loadDevices } from '../planning/devices.ts';
import {
  addObjectiveFlags,
  codecsWithin,
  objectiveOf,
  type ObjectiveFlags,
} from '../planning/objective-flags.ts';
import { previewPlan } from '../planning/plan-preview.ts';
import { describePlan, formatGain, formatRate, formatTime } from '../planning/plan-report.ts';
import { planSvg } from '../planning/plan-svg.ts';
import { planForRoom } from '../planning/room-plan.ts';
import { readPlanFile } from '../planning/read-plan-file.ts';
import { createTerminal, usage, type Terminal } from '../terminal.ts';

interface PlanFlags extends ObjectiveFlags {
  readonly model: string;
  readonly devices?: string;
  readonly room?: string;
  readonly plan?: string;
  readonly inputShape?: readonly number[];
  readonly weights?: string;
  readonly budget: number;
  readonly timeout: number;
  readonly svg?: string;
  readonly out?: string;
  readonly json?: boolean;
}

export function addPlanCommand(program: Command): void {
  const command = program
    .command('plan')
    .description(
      'what a network would do on given devices: who computes what, latency, rate, memory, bottleneck',
    )
    .requiredOption('--model <model>', MODEL_HELP)
    .option('--devices <devices>', DEVICES_HELP)
    .option(
      '--room <url>',
      'the devices of this room instead, as they measure themselves (its link; or "env" for PEERCEPTRON_URL)',
    )
    .option('--plan <file>', 'judge this plan instead of making one; its tiles number the devices from 0')
    .option('--input-shape <shape>', 'for models that work at any size, as 224x224x3', parseShape)
    .option('--weights <file>', WEIGHTS_HELP);
  addObjectiveFlags(command)
    .option('--budget <seconds>', 'how long the search may take', parsePositive, 10)
    .option('--timeout <seconds>', 'with --room: how long to wait for devices', parseCount, 30)
    .option('--svg <file>', 'write a picture of one frame through the plan')
    .option('--out <file>', 'write the plan, for infer --plan')
    .option('--json', 'print one JSON document')
    .action(plan);
}

async function plan(flags: PlanFlags): Promise<void> {
  const terminal = createTerminal(flags.json ?? false);
  const objective = objectiveOf(flags);
  if ((flags.devices === undefined) === (flags.room === undefined)) {
    throw usage('for which devices? Give --devices, as pi3*4,laptop or a file, or --room <url>');
  }
  const spec = flags.devices === undefined ? undefined : await loadDevices(flags.devices);
  const planFile = flags.plan === undefined ? undefined : await readPlanFile(flags.plan);
  const { inputShape, weights } = flags;
  const { graph } = await loadModelByName(flags.model, { inputShape, weights });
  const request = {
    graph,
    objective,
    codecs: codecsWithin(flags.codec),
    budgetMs: flags.budget * 1000,
    now: () => performance.now(),
  };
  const planned = spec ? planForDevices(spec, request) : await planInRoom(flags, request, terminal);
  const { choice: own, isCut, world } = planned;
  const choice = planFile === undefined ? own : judgePlanFile(planFile, { ...request, world }, own);
  // More than 100 columns help no table; fewer than 80 none of ours fits.
  const columns = Math.min(100, Math.max(80, process.stdout.columns ?? 80));
  const preview = previewPlan(graph, world, choice);
  terminal.say(describePlan(graph, preview, columns));
  if (planFile !== undefined) {
    const better = gainOver(objective, choice.prediction, own.prediction);
    const { latencyMs, framesPerSecond } = own.prediction;
    terminal.say(
      `\nThe planner's own plan for these devices: ${formatTime(latencyMs)} per frame, ${formatRate(framesPerSecond)} frames per second: ${formatGain(better)} as good.`,
    );
  } else if (isCut) {
    terminal.say(`\nThe search was ended after ${flags.budget} s: there may be better plans (--budget).`);
  }
  if (flags.svg !== undefined) await writeOutput(flags.svg, planSvg(preview));
  if (flags.out !== undefined) {
    const peers = world.devices.map(({ id }) => id);
    const description = `Planned for ${flags.devices ?? 'the devices of a room'}: ${formatTime(preview.latencyMs)} per frame, ${formatRate(preview.framesPerSecond)} frames per second expected.`;
    await writeOutput(flags.out, `${compactJson(planFileOf(graph, choice.plan, { peers, description }))}\n`);
  }
  terminal.result({
    ...preview,
    isCut,
    ...(planFile === undefined ? {} : { own: { plan: own.plan, prediction: own.prediction } }),
    profiles: world.devices.map(({ id, name, profile, memoryBytes }) => ({ id, name, memoryBytes, profile })),
  });
}

type Request = Omit<PlanningOptions, 'world'>;
type Planned = Chosen & { readonly world: World };

function planForDevices(spec: DevicesSpec, request: Request): Planned {
  const world = buildWorld(spec);
  return { ...planWithin({ ...request, world }), world };
}

function planInRoom({ room, timeout }: PlanFlags, request: Request, terminal: Terminal): Promise<Planned> {
  terminal.progress('asking the devices of the room how fast they are');
  return planForRoom({
    ...request,
    room: room!,
    timeoutMs: timeout * 1000,
    note: (sentence) => terminal.note(sentence),
  }).finally(() => terminal.endProgress());
}
