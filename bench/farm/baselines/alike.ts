import type { Graph } from '../../../src/graph/graph.ts';
import { workMs } from '../../../src/planner/cost-model.ts';
import {
  OP_CLASSES,
  type ClassRate,
  type DeviceProfile,
  type OpClass,
} from '../../../src/planner/profile.ts';
import type { World } from '../../../src/planner/world.ts';
import { wholeWork } from '../../whole-work.ts';

/**
 * The world as somebody sees it who knows how fast its devices are together, and takes all of them for equally fast: every one
 * runs the whole network at their mean speed (the harmonic mean of their times). Memory, links, and what moving tensors
 * costs stay those of each device.
 */
export function alikeWorld(world: World, graph: Graph): World {
  const work = wholeWork(graph);
  const profiles = world.devices.map(({ profile }) => profile);
  const mean = meanEngine(
    profiles,
    profiles.map((profile) => workMs(work, profile)),
  );
  return {
    ...world,
    devices: world.devices.map((device) => ({ ...device, profile: { ...device.profile, ...mean } })),
  };
}

type Engine = Pick<DeviceProfile, 'rates' | 'tileMs' | 'tripMs' | 'tileMsPerByte'>;

/** The mean of the profiles, each scaled from its time to the harmonic mean of all, milliseconds. */
function meanEngine(profiles: readonly DeviceProfile[], timesMs: readonly number[]): Engine {
  const typicalMs = timesMs.length / timesMs.reduce((sum, ms) => sum + 1 / ms, 0);
  const mean = (figure: (profile: DeviceProfile) => number): number =>
    profiles.reduce((sum, profile, index) => sum + (figure(profile) * typicalMs) / timesMs[index]!, 0) /
    profiles.length;
  const rates = OP_CLASSES.map((name): [OpClass, ClassRate] => [
    name,
    {
      stepMs: mean(({ rates }) => rates[name].stepMs),
      msPerMac: mean(({ rates }) => rates[name].msPerMac),
      msPerByte: mean(({ rates }) => rates[name].msPerByte),
    },
  ]);
  return {
    rates: Object.fromEntries(rates) as Record<OpClass, ClassRate>,
    tileMs: mean(({ tileMs }) => tileMs),
    tripMs: mean(({ tripMs }) => tripMs),
    tileMsPerByte: mean(({ tileMsPerByte }) => tileMsPerByte),
  };
}
