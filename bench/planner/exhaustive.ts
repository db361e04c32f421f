import type { Graph } from '../../src/graph/graph.ts';
import { compileTile } from '../../src/graph/tile-program.ts';
import { programWork, workMs } from '../../src/planner/cost-model.ts';
import { FrameSimulation } from '../../src/planner/frame-simulation.ts';
import { memoryOfTiles } from '../../src/planner/memory.ts';
import type { PlacedLane, PlacedPlan, PlacedSegment, PlacedTile } from '../../src/planner/placed-plan.ts';
import { placesOf, type Places } from '../../src/planner/places.ts';
import { windowOf } from '../../src/planner/plan-window.ts';
import { loadsOf, loneLatencyMs, steadyState } from '../../src/planner/simulate.ts';
import { splitTiles, whole, type Split } from '../../src/planner/splits.ts';
import type { World } from '../../src/planner/world.ts';

export interface Exhaustive {
  /** Milliseconds of a frame alone, or between frames. */
  readonly bestMs: number;
  readonly plans: number;
  /** The plan itself. */
  readonly segments: readonly PlacedSegment[];
}

/** One way to compute a segment. */
interface Way {
  readonly segment: PlacedSegment;
  readonly programs: ReadonlyMap<number, ReturnType<typeof compileTile>[]>;
}

/**
 * The best of all plans that can be put together: every set of cuts, and for each segment every device, every pair and all
 * three, splits along every axis and of the contraction, lanes, and shares of a grid that is finer the fewer segments
 * there are. Shares no code with the search, but is scored by the same simulation.
 */
export function exhaustive(graph: Graph, world: World, objective: 'latency' | 'throughput'): Exhaustive {
  const peers = world.devices.map(({ id }) => id);
  const places = placesOf(world, peers);
  const count = graph.nodes.length;
  let bestMs = Infinity;
  let plans = 0;
  let segments: readonly PlacedSegment[] = [];
  const known = new Map<string, Way[]>();
  for (let mask = 0; mask < 2 ** (count - 1); mask++) {
    const ends: number[] = [];
    for (let op = 1; op < count; op++) if (mask & (1 << (op - 1))) ends.push(op);
    ends.push(count);
    const fineness =
      ends.length === 1 ? 8 : ends.length === 2 ? 2 : ends.length === 3 ? 1 : ends.length === 4 ? 0 : -1;
    const choices = ends.map((end, index) => {
      const start = index === 0 ? 0 : ends[index - 1]!;
      const key = `${start}-${end}-${fineness}`;
      let ways = known.get(key);
      if (!ways) known.set(key, (ways = waysOf(graph, world, places, [start, end], fineness)));
      return ways;
    });
    const chosen: Way[] = [];
    const visit = (at: number): void => {
      if (at < choices.length) {
        for (const way of choices[at]!) {
          chosen[at] = way;
          visit(at + 1);
        }
        return;
      }
      const ms = scoreOf(graph, world, places, chosen, objective, bestMs);
      plans += 1;
      if (ms >= bestMs) return;
      bestMs = ms;
      segments = chosen.map(({ segment }) => segment);
    };
    visit(0);
  }
  return { bestMs, plans, segments };
}

function waysOf(
  graph: Graph,
  world: World,
  places: Places,
  ops: readonly [number, number],
  fineness: number,
): Way[] {
  const devices = world.devices.length;
  const ways: Way[] = [];
  const add = (lanes: readonly { readonly share: number; readonly split: Split }[]): void => {
    const way = wayOf(graph, world, places, ops, lanes);
    if (way) ways.push(way);
  };
  for (let device = 0; device < devices; device++) add([{ share: 1, split: whole(device) }]);
  for (const team of fineness < 0 ? [] : teamsOf(devices)) {
    if (fineness === 0 && team.length < devices) continue;
    for (const shares of sharesOf(team, world, fineness)) {
      for (const axis of ['height', 'width', 'channel'] as const) {
        // Of many segments, the splits that differ most.
        if (axis === 'width' && fineness < 2) continue;
        add([{ share: 1, split: { outputs: [{ axis, shares }], peers: team } }]);
        if (axis !== 'width' && fineness > 1)
          add([{ share: 1, split: { outputs: [], reduce: [{ axis, shares }], peers: team } }]);
      }
      if (fineness > 0) add(team.map((device, index) => ({ share: shares[index]!, split: whole(device) })));
    }
  }
  return ways;
}

/** Pairs and triples. */
function teamsOf(count: number): number[][] {
  const teams: number[][] = [];
  for (let mask = 1; mask < 1 << count; mask++) {
    const team = [...Array(count).keys()].filter((device) => mask & (1 << device));
    if (team.length > 1) teams.push(team);
  }
  return teams;
}

function sharesOf(team: readonly number[], world: World, fineness: number): number[][] {
  const speeds = team.map((device) => 1 / world.devices[device]!.profile.rates.conv.msPerMac);
  const total = speeds.reduce((sum, speed) => sum + speed, 0);
  const found: number[][] = [speeds.map((speed) => speed / total)];
  if (fineness > 1) found.push(team.map(() => 1 / team.length));
  const steps = fineness;
  if (team.length === 2) {
    for (let step = 1; step < steps; step++) found.push([step / steps, 1 - step / steps]);
  } else if (steps >= 8) {
    for (let a = 1; a < steps; a++) {
      for (let b = 1; a + b < steps; b++) found.push([a / steps, b / steps, (steps - a - b) / steps]);
    }
  }
  return found;
}

function wayOf(
  graph: Graph,
  world: World,
  places: Places,
  ops: readonly [number, number],
  lanes: readonly { readonly share: number; readonly split: Split }[],
): Way | undefined {
  const programs = new Map<number, ReturnType<typeof compileTile>[]>();
  const placed: PlacedLane[] = [];
  try {
    for (const { share, split } of lanes) {
      const tiles = splitTiles(graph, ops, split).map(({ peer, outputs, reduce }): PlacedTile => {
        const device = peer as number;
        const program = compileTile(graph, { ops, outputs, ...(reduce ? { reduce } : {}) });
        programs.set(device, [...(programs.get(device) ?? []), program]);
        const { profile, id } = world.devices[device]!;
        const busy = program.steps.length > 0;
        return {
          place: places.indexOf.get(id)!,
          computeMs: busy ? profile.tileMs + workMs(programWork(program), profile) : 0,
          inputs: program.inputs,
          outputs,
          ...(reduce && !busy ? { silent: true } : {}),
        };
      });
      placed.push({ share, tiles });
    }
  } catch {
    // These ops cannot be split like that.
    return undefined;
  }
  return { segment: { ops, lanes: placed }, programs };
}

function scoreOf(
  graph: Graph,
  world: World,
  places: Places,
  ways: readonly Way[],
  objective: 'latency' | 'throughput',
  bestMs: number,
): number {
  const segments = ways.map(({ segment }) => segment);
  let window = windowOf(
    segments.map(({ lanes }) => lanes.map(({ tiles }) => tiles.map(({ place }) => place))),
    objective === 'latency' ? 'latency' : 'rate',
  );
  const fits = (): boolean =>
    world.devices.every(({ memoryBytes, weightStorage }, device) => {
      const programs = ways.flatMap((way) => way.programs.get(device) ?? []);
      return memoryOfTiles(programs, window, weightStorage).totalBytes <= memoryBytes;
    });
  while (window > 0 && !fits()) window -= 1;
  if (window === 0) return Infinity;
  const plan: PlacedPlan = { graph, segments, inputCodecs: new Map() };
  const simulation = new FrameSimulation(plan, places);
  if (objective === 'latency') return loneLatencyMs(plan, simulation);
  const loads = loadsOf(plan, places, simulation);
  // The busiest engine alone takes longer than the best plan: no need to watch it.
  if (loads.some(({ computeMs }) => computeMs > bestMs)) return Infinity;
  return 1000 / steadyState(plan, simulation, loads, { window, boundMs: bestMs }).framesPerSecond;
}
