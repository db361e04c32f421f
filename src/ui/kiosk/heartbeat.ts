import type { Clock } from '../../shared/clock.ts';
import type { PeerState } from '../peer-state.ts';
import { kioskPhase } from './kiosk-state.ts';

/** Under this name the page has a function that gives its `Heartbeat`, for the program that has started the browser. */
export const HEARTBEAT = 'peerceptronHeartbeat';

/** How the page gets on. */
export interface Heartbeat {
  /** Counts up once per second as long as the page's timers run. */
  readonly beat: number;
  /** A `KioskPhase`. */
  readonly phase: string;
  /** Computed since the page was loaded. */
  readonly frames: number;
  /** Absent until there is one. */
  readonly engine?: string | undefined;
  /** For how long the engine has had something to do, and has done nothing. */
  readonly busyMs: number;
  /** Whether the page may use cameras and keep the screen awake. */
  readonly secure: boolean;
  /** Whether it may use threads. */
  readonly isolated: boolean;
}

const BEAT_MS = 1000;

/** Begins to count; returns what tells the heartbeat. */
export function startHeartbeat(options: {
  readonly clock: Clock;
  readonly peer: () => PeerState;
  readonly busyMs: () => number;
  readonly secure: boolean;
  readonly isolated: boolean;
}): () => Heartbeat {
  const { clock, peer, busyMs, secure, isolated } = options;
  let beat = 0;
  const count = (): void => {
    beat += 1;
    clock.after(BEAT_MS, count);
  };
  count();
  return () => {
    const state = peer();
    const room = state.view === 'room' ? state : undefined;
    return {
      beat,
      phase: kioskPhase(state),
      frames: room?.frames ?? 0,
      engine: room?.engine.state === 'ready' ? room.engine.name : undefined,
      busyMs: busyMs(),
      secure,
      isolated,
    };
  };
}
