import type { Objective, PlanChoice, PlanRequest } from '../planner/choice.ts';
import type { Codec } from '../planner/codec.ts';
import { compilePlan, type CompiledPlan } from '../planner/compiled-plan.ts';
import { profileByTiles } from '../planner/correct-profile.ts';
import { programWork, workMs } from '../planner/cost-model.ts';
import type { WorkSample } from '../planner/fit-rates.ts';
import { gainOver } from '../planner/gain.ts';
import type { Plan } from '../planner/plan.ts';
import type { Prediction } from '../planner/prediction.ts';
import type { DeviceProfile } from '../planner/profile.ts';
import { runSearch, searchTask, type PlanSearch } from '../planner/search-task.ts';
import { simulate } from '../planner/simulate.ts';
import type { Device, World } from '../planner/world.ts';
import type { Clock } from '../shared/clock.ts';
import type { PeerId } from '../shared/ids.ts';
import type { AdaptiveSession, AdaptiveSessionOptions } from './adaptive-options.ts';
import { openAdaptiveSession } from './adaptive-session.ts';
import type { Replan, Replanned, ReplanReason, Situation } from './replan.ts';
import type { Survey, SurveyPeer } from './survey.ts';
import type { ExpectedMs, ObservedTile } from './tile-times.ts';

export interface PlannedSessionOptions extends Omit<AdaptiveSessionOptions, 'replan'> {
  readonly survey: Survey;
  /** Asked at each search, where it is a function: see `AdaptiveSession.reconsider`. */
  readonly objective: Objective | (() => Objective);
  /** What a member of the room says of itself; nothing where it is gone. */
  readonly describe: (peer: PeerId) => SurveyPeer | undefined;
  /** Asked at each search: devices that are to have nothing to do are known, and not planned with. Default: all may. */
  readonly mayUse?: (peer: PeerId) => boolean;
  /** See `PlanRequest`. */
  readonly codecs?: readonly Codec[];
  readonly margin?: number;
  /** Frames in flight, 1–64; by default what the chosen plan needs to be busy. */
  readonly window?: number | undefined;
  /** Of one search for a plan; the best one so far counts then. Default 1000. */
  readonly searchTimeMs?: number;
  /** Where it searches; by default on this thread, which does nothing else meanwhile. */
  readonly search?: PlanSearch;
  /** A plan was chosen: the session loads it, unless it runs already or is not better by enough. */
  readonly onChoice?: (chosen: ChosenPlan) => void;
}

/** A plan that was chosen, with all that the choice went by. */
export interface ChosenPlan {
  readonly choice: PlanChoice;
  readonly world: World;
  readonly reason: ReplanReason;
}

const DEFAULT_SEARCH_TIME_MS = 1000;
/** Times of observed tiles are means over about so many frames. */
const FRAMES_OF_MEAN = 3;
/** A device that was left out because it was slow is given another chance then. */
const REMEMBERED_MS = 60_000;

/**
 * A session whose plans are chosen: from what devices have measured of themselves and of the links between them, corrected
 * by how long tiles really take.
 */
export function openPlannedSession(options: PlannedSessionOptions): Promise<AdaptiveSession> {
  return openAdaptiveSession({ ...options, replan: planner(options) });
}

function planner(options: PlannedSessionOptions): Replan {
  const { survey, graph, clock, codecs, margin, onChoice } = options;
  const objectiveNow = (): Objective =>
    typeof options.objective === 'function' ? options.objective() : options.objective;
  const { searchTimeMs = DEFAULT_SEARCH_TIME_MS, mayUse = () => true } = options;
  const observations = new Observations(clock);

  const devicesFor = async ({ peers, current, observed }: Situation): Promise<Device[]> => {
    if (current) observations.add(compilePlan(graph, current), observed);
    const devices = await survey.devices(peers.flatMap((peer) => options.describe(peer) ?? []));
    return devices.map((device) => observations.corrected(device));
  };

  const { search = async (task) => runSearch(task, () => clock.now()) } = options;
  const choose = (request: PlanRequest): Promise<PlanChoice> => search(searchTask(request, searchTimeMs));

  return async (situation): Promise<Replanned | undefined> => {
    const { reason, session, epoch, current } = situation;
    const devices = await devicesFor(situation);
    const usable = devices.filter(({ id }) => mayUse(id));
    // Whoever asks may still compute alone.
    if (usable.length === 0) return undefined;
    const request = {
      graph,
      session,
      epoch,
      objective: objectiveNow(),
      ...(codecs ? { codecs } : {}),
      ...(margin === undefined ? {} : { margin }),
      ...(current ? { incumbent: current } : {}),
    };
    const choice = await survey.plan(usable, request, choose);
    const world = survey.world(devices);
    onChoice?.({ choice, world, reason });
    const { plan, prediction } = choice;
    if (plan === current) return undefined;
    const gain = current && gainOverRunning(current, prediction, request, world);
    return {
      plan,
      window: options.window ?? prediction.window,
      ...(gain === undefined ? {} : { gain }),
      expectedMs: expectedTimes(compilePlan(graph, plan), devices),
    };
  };
}

/** What devices have lately been seen to do: they may be slower, or faster, than when they measured themselves. */
class Observations {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #tiles = new Map<PeerId, { readonly samples: readonly WorkSample[]; readonly atMs: number }>();

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  add(compiled: CompiledPlan, observed: readonly ObservedTile[]): void {
    const byPeer = new Map<PeerId, WorkSample[]>();
    for (const { segment, lane, tile, peer, frames, computeMs } of observed) {
      if (frames < FRAMES_OF_MEAN) continue;
      const sample = { work: programWork(compiled.program(segment, lane, tile)), computeMs };
      byPeer.set(peer, [...(byPeer.get(peer) ?? []), sample]);
    }
    const atMs = this.#clock.now();
    for (const [peer, samples] of byPeer) this.#tiles.set(peer, { samples, atMs });
  }

  corrected(device: Device): Device {
    const known = this.#tiles.get(device.id);
    if (!known || this.#clock.now() - known.atMs > REMEMBERED_MS) return device;
    return { ...device, profile: profileByTiles(device.profile, known.samples), observed: true };
  }
}

function expectedTimes(compiled: CompiledPlan, devices: readonly Device[]): ExpectedMs {
  const profiles = new Map(devices.map(({ id, profile }): [PeerId, DeviceProfile] => [id, profile]));
  return (segment, lane, tile) => {
    const profile = profiles.get(compiled.tile(segment, lane, tile).peer);
    return profile && profile.tileMs + workMs(programWork(compiled.program(segment, lane, tile)), profile);
  };
}

/** How much better the new plan is than the running one as things are now; nothing to compare where its devices are gone. */
function gainOverRunning(
  current: Plan,
  chosen: Prediction,
  { graph, objective }: Pick<PlanRequest, 'graph' | 'objective'>,
  world: World,
): number | undefined {
  const compiled = compilePlan(graph, current);
  const present = new Set(world.devices.map(({ id }) => id));
  if (compiled.peers.some((peer) => !present.has(peer))) return undefined;
  return gainOver(objective, simulate(compiled, world, { window: chosen.window }), chosen) - 1;
}
