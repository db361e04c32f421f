import type { SignalingState } from '../../src/mesh/mesh.ts';
import type { ServeEvent } from '../../src/runtime/serve-peer.ts';
import type { PeerEvent } from './events.ts';
import { Histogram } from './exposition.ts';

/** `absent`: the engine is being started, or the room cannot be entered yet. */
export type PeerPhase = 'absent' | 'in-room' | 'leaving';

export interface ServedSession {
  readonly model: string;
  readonly epoch: number;
}

/** Frames whose tiles come close to each other are told apart; more are never under way. */
const KNOWN_FRAMES = 512;
/** Seconds: tiles take from a tenth of a millisecond to minutes. */
const COMPUTE_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** What a peer has done since its program began, counted from its events. */
export class PeerTally {
  phase: PeerPhase = 'absent';
  signaling: SignalingState | undefined;
  engine: string | undefined;
  id: string | undefined;
  room: string | undefined;
  share = 1;
  memoryBytes = 0;
  frames = 0;
  readonly tiles = { done: 0, failed: 0 };
  readonly sessions = { ready: 0, refused: 0, ended: 0 };
  /** How often the room was entered; more than once after an engine died. */
  joins = 0;
  signalingLosses = 0;
  readonly computeSeconds = new Histogram(COMPUTE_BOUNDS);
  /** Those that are here now. */
  readonly serving = new Map<string, ServedSession>();
  readonly #frames = new Set<string>();

  add(event: PeerEvent): void {
    switch (event.type) {
      case 'engine':
        this.engine = event.engine;
        return;
      case 'joined':
        this.phase = 'in-room';
        this.signaling = 'open';
        this.joins += 1;
        this.id = event.id;
        this.room = event.room;
        this.share = event.share;
        this.memoryBytes = event.memoryBytes;
        return;
      case 'mesh':
        if (event.event.type !== 'signaling') return;
        this.signaling = event.event.state;
        if (this.signaling === 'lost') this.signalingLosses += 1;
        return;
      case 'serve':
        this.#serve(event.event);
        return;
      case 'share':
        this.share = event.share;
        return;
      case 'engine-lost':
        this.phase = 'absent';
        this.engine = undefined;
        this.serving.clear();
        return;
      case 'leaving':
      case 'left':
        this.phase = 'leaving';
        return;
      case 'waiting':
      case 'profile':
      case 'monitor':
      case 'notice':
        return;
    }
  }

  #serve(event: ServeEvent): void {
    switch (event.type) {
      case 'session-ready':
        this.sessions.ready += 1;
        this.serving.set(event.session, { model: event.model, epoch: event.epoch });
        return;
      case 'session-refused':
        this.sessions.refused += 1;
        return;
      case 'session-ended':
        this.sessions.ended += 1;
        this.serving.delete(event.session);
        return;
      case 'tile-done': {
        this.tiles.done += 1;
        this.computeSeconds.observe(event.computeMs / 1000);
        const frame = `${event.session}/${event.frame}`;
        if (this.#frames.has(frame)) return;
        this.frames += 1;
        this.#frames.add(frame);
        if (this.#frames.size > KNOWN_FRAMES) this.#frames.delete(this.#frames.values().next().value!);
        return;
      }
      case 'tile-failed':
        this.tiles.failed += 1;
        return;
      case 'session-loading':
      case 'source-set-aside':
        return;
    }
  }
}
