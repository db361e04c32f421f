import type { LeftOut, Objective } from './choice.ts';
import { withDevice } from './draft-moves.ts';
import { MISSED, type Scored, type Scorer } from './scoring.ts';
import { memoryOfTiles } from './memory.ts';
import type { SearchSpace } from './search-space.ts';
import type { Device } from './world.ts';
import { WHOLE } from './search-space.ts';

export interface LeftOutRequest {
  /** In the order of the answer. */
  readonly all: readonly Device[];
  /** Those that were allowed to compute: the scorer's. */
  readonly devices: readonly Device[];
  readonly best: Scored;
  readonly scorer: Scorer;
  readonly speeds: readonly number[];
  /** The best plan there was before a single device was preferred to a gain that is too small. */
  readonly margin?: { readonly mesh: Scored; readonly part: number } | undefined;
}

/** Why each device that has nothing to do in the chosen plan has nothing to do. */
export function explainLeftOut(request: LeftOutRequest): LeftOut[] {
  const { all, devices, best, scorer, speeds, margin } = request;
  const { objective, space } = scorer.context;
  const leastParts = new Map<Device['weightStorage'], number>();
  const leastPart = ({ weightStorage }: Device): number => {
    const known = leastParts.get(weightStorage) ?? leastPartBytes(space, weightStorage);
    leastParts.set(weightStorage, known);
    return known;
  };
  return all.flatMap((device): LeftOut[] => {
    const peer = device.id;
    const index = devices.indexOf(device);
    if (index < 0) {
      const explanation = `${device.name} computes in half precision, and this plan has to be exact: allow a lossy codec to use it`;
      return [{ peer, reason: 'accuracy', explanation }];
    }
    if (best.devices.includes(index)) return [];
    const missing = leastPart(device) - device.memoryBytes;
    if (missing > 0) {
      const explanation = `${device.name} offers ${megabytes(device.memoryBytes)}: the smallest part of the model takes ${megabytes(missing)} more`;
      return [{ peer, reason: 'memory', explanation }];
    }
    if (objective.kind === 'rate' && best.cost < MISSED) {
      const explanation = `${objective.framesPerSecond} frames per second are reached without ${device.name}`;
      return [{ peer, reason: 'not-needed', explanation }];
    }
    if (margin?.mesh.devices.includes(index)) {
      const explanation = `with ${device.name} and others a frame would take ${milliseconds(margin.mesh.cost)} instead of ${milliseconds(best.cost)}: less of a gain than the ${Math.round(margin.part * 100)} % that predictions may be off by`;
      return [{ peer, reason: 'slows-down', explanation }];
    }
    const joined = best.draft.map((segment) => withDevice(segment, index, speeds));
    scorer.score(joined, best.codec);
    const withIt = scorer.bestWith[index];
    return [{ peer, reason: 'slows-down', explanation: slower(device, withIt, best, objective) }];
  });
}

function slower(device: Device, withIt: Scored | undefined, best: Scored, objective: Objective): string {
  if (!withIt) return `no plan with ${device.name} fits into the memory of the room`;
  if (withIt.cost >= MISSED) {
    return best.cost >= MISSED
      ? `the best plan with ${device.name} stays ${(withIt.cost / best.cost).toFixed(2)} times as far from what was asked for`
      : `no plan with ${device.name} was found that keeps to what was asked for`;
  }
  const what = objective.kind === 'latency' ? 'a frame takes' : 'a frame comes every';
  return `in the best plan with ${device.name} ${what} ${milliseconds(withIt.cost)}, without it ${milliseconds(best.cost)}`;
}

/** Of one op alone, the one that takes least. */
function leastPartBytes(space: SearchSpace, weightStorage: Device['weightStorage']): number {
  let least = Infinity;
  for (let op = 0; op < space.graph.nodes.length; op++) {
    const tile = space.tiles(op, op + 1, WHOLE)![0]!;
    least = Math.min(least, memoryOfTiles([tile.program], 1, weightStorage).totalBytes);
  }
  return least;
}

const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`;
const milliseconds = (ms: number): string => `${ms >= 100 ? Math.round(ms) : Number(ms.toPrecision(3))} ms`;
