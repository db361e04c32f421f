import type { Graph } from '../../src/graph/graph.ts';
import { workMs } from '../../src/planner/cost-model.ts';
import type { DeviceProfile } from '../../src/planner/profile.ts';
import { wholeWork } from '../whole-work.ts';

/**
 * All devices of a farm are one machine's processor, and each measured it for a second and a half: one of the quicker profiles, the one at
 * the lower quartile of what the whole network would take, is of a time in which nothing disturbed that machine.
 */
export function undisturbed(profiles: readonly DeviceProfile[], graph: Graph): DeviceProfile {
  const work = wholeWork(graph);
  const byTime = profiles.toSorted((a, b) => workMs(work, a) - workMs(work, b));
  return byTime[Math.floor((byTime.length - 1) / 4)]!;
}
