import type { Phase, PeerState, RoomState, SessionStage } from '../peer-state.ts';
import { phaseOf } from '../peer-state.ts';
import type { Problem } from '../problem.ts';

/** Failures that ended nothing are news for so long. */
export const PROBLEM_SHOWN_MS = 120_000;

/** What a kiosk's screen shows. */
export interface KioskState {
  readonly peer: PeerState;
  readonly framesPerSecond: number | undefined;
  /** What is wrong now, or was a moment ago. */
  readonly problem: Problem | undefined;
  readonly isDimmed: boolean;
}

/** One word for where the visit stands, the views without a room included. */
export type KioskPhase = Phase | Exclude<PeerState['view'], 'room'>;

export const kioskPhase = (peer: PeerState): KioskPhase => (peer.view === 'room' ? phaseOf(peer) : peer.view);

/** What keeps this device from taking part, if anything does. */
export function blockingProblem(peer: PeerState): Problem | undefined {
  if (peer.view === 'room')
    return peer.engine.state === 'failed' ? peer.engine.problem : peer.signaling.problem;
  return 'problem' in peer ? peer.problem : undefined;
}

type ReadyStage = Extract<SessionStage, { readonly state: 'ready' }> & {
  /** Of the plan's work, 0–1, where it is known. */
  readonly part?: number;
};

/** This device's work over all sessions: what, and how much. */
export interface KioskWork {
  readonly models: readonly string[];
  /** `conv1 to pool2`, in order. */
  readonly tiles: readonly { readonly firstOp: string; readonly lastOp: string }[];
  /** Of the plan's work, 0–1; absent where it is not known, or where several sessions make it mean nothing. */
  readonly part: number | undefined;
}

/** Undefined while there is none. */
export function kioskWork({ sessions }: RoomState): KioskWork | undefined {
  const ready = [...sessions.values()].flatMap(({ model, stage }) => {
    const known: ReadyStage[] = stage.state === 'ready' ? [stage] : [];
    return known.map((each) => ({ model, stage: each }));
  });
  if (ready.length === 0) return undefined;
  return {
    models: [...new Set(ready.map(({ model }) => model))],
    tiles: ready.flatMap(({ stage }) => stage.tiles.map(({ firstOp, lastOp }) => ({ firstOp, lastOp }))),
    part: ready.length === 1 ? ready[0]!.stage.part : undefined,
  };
}
