import type { Graph } from '../graph/graph.ts';
import type { Plan } from '../planner/plan.ts';
import type { LoadProgress } from '../runtime/epoch-loader.ts';
import type { ServedTile, ServeEvent } from '../runtime/serve-peer.ts';
import { unreachable } from '../shared/errors.ts';
import type { SessionId } from '../shared/ids.ts';
import { problemOf, type Problem } from './problem.ts';

export type SessionStage =
  | ({
      readonly state: 'loading';
      /** Of weights, since loading began; absent before there is something to tell. */
      readonly bytesPerSecond?: number;
    } & LoadProgress)
  | {
      readonly state: 'ready';
      readonly opCount: number;
      readonly tiles: readonly ServedTile[];
      /** Of the plan's multiply-accumulates, 0–1. */
      readonly part: number;
    };

/** What this device does for one requester. */
export interface SessionWork {
  readonly session: SessionId;
  readonly model: string;
  /** Of random weights: what the network answers means nothing then. */
  readonly seed?: number | undefined;
  readonly epoch: number;
  readonly stage: SessionStage;
  readonly frames: number;
  readonly tilesComputed: number;
  /** Of the last tile, and smoothed over about ten; absent before the first. */
  readonly lastComputeMs?: number;
  readonly meanComputeMs?: number;
  /** Frames seen lately, to count one with several tiles here once. */
  readonly recentFrames: readonly number[];
}

/** A network that is spread over devices. */
export interface ShownNetwork {
  readonly graph: Graph;
  readonly plan: Plan;
}

/** What this device computes for the room, and has. */
export interface WorkState {
  readonly sessions: ReadonlyMap<SessionId, SessionWork>;
  /** Networks that this device computes a part of. */
  readonly networks: ReadonlyMap<SessionId, ShownNetwork>;
  /** Over all sessions, those that ended included. */
  readonly frames: number;
  /** The latest failures that did not end the visit, newest first. */
  readonly problems: readonly Problem[];
}

export const idleWork: WorkState = { sessions: new Map(), networks: new Map(), frames: 0, problems: [] };

const keptProblems = 3;
const keptFrames = 64;
const smoothing = 0.1;

export const withProblem = ({ problems }: WorkState, problem: Problem): Partial<WorkState> => ({
  problems: [problem, ...problems].slice(0, keptProblems),
});

/** The plan of a session, which may have ended in between. */
export const withNetwork = (
  { sessions, networks }: WorkState,
  session: SessionId,
  network: ShownNetwork,
): Partial<WorkState> => (sessions.has(session) ? { networks: new Map(networks).set(session, network) } : {});

/** What follows from something that happened to what this device computes. */
export function reduceWork(room: WorkState, event: ServeEvent): Partial<WorkState> {
  const known = room.sessions.get(event.session);
  const withSession = (work: SessionWork): Partial<WorkState> => ({
    sessions: new Map(room.sessions).set(event.session, work),
  });
  switch (event.type) {
    case 'session-loading':
    case 'session-ready': {
      const { session, epoch, model, seed } = event;
      // While a better plan loads beside the running one, the running one stays on show.
      if (event.type === 'session-loading' && known?.stage.state === 'ready') return {};
      const stage: SessionStage =
        event.type === 'session-loading'
          ? loadingStage(event)
          : { state: 'ready', opCount: event.opCount, tiles: event.tiles, part: event.part };
      const counts = known ?? { frames: 0, tilesComputed: 0, recentFrames: [] };
      return withSession({ ...counts, session, model, seed, epoch, stage });
    }
    case 'tile-done': {
      if (!known) return {};
      const isNewFrame = !known.recentFrames.includes(event.frame);
      return {
        ...withSession({
          ...known,
          frames: known.frames + (isNewFrame ? 1 : 0),
          tilesComputed: known.tilesComputed + 1,
          lastComputeMs: event.computeMs,
          meanComputeMs:
            known.meanComputeMs === undefined
              ? event.computeMs
              : known.meanComputeMs + smoothing * (event.computeMs - known.meanComputeMs),
          recentFrames: isNewFrame
            ? [...known.recentFrames, event.frame].slice(-keptFrames)
            : known.recentFrames,
        }),
        frames: room.frames + (isNewFrame ? 1 : 0),
      };
    }
    case 'session-ended':
      return {
        sessions: without(room.sessions, event.session),
        networks: without(room.networks, event.session),
      };
    case 'session-refused':
      return {
        // A refused new epoch leaves the running one as it is.
        ...(known?.stage.state === 'loading' ? { sessions: without(room.sessions, event.session) } : {}),
        ...withProblem(room, problemOf(event.error)),
      };
    case 'source-set-aside':
      // The next source is asked; when there is none, the session is refused, and that is shown.
      return {};
    case 'tile-failed':
      return withProblem(room, problemOf(event.error));
    default:
      return unreachable(event);
  }
}

/** A rate from less than this would only startle. */
const minRateMs = 500;

function loadingStage(event: Extract<ServeEvent, { type: 'session-loading' }>): SessionStage {
  const { loadedBytes, totalBytes, readyTiles, tileCount, elapsedMs } = event;
  const hasRate = elapsedMs >= minRateMs && loadedBytes > 0;
  return {
    state: 'loading',
    loadedBytes,
    totalBytes,
    readyTiles,
    tileCount,
    ...(hasRate ? { bytesPerSecond: (loadedBytes * 1000) / elapsedMs } : {}),
  };
}

export function without<Key, Value>(map: ReadonlyMap<Key, Value>, key: Key): ReadonlyMap<Key, Value> {
  if (!map.has(key)) return map;
  const copy = new Map(map);
  copy.delete(key);
  return copy;
}
