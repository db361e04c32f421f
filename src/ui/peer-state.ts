import type { Accuracy } from '../shared/accuracy.ts';
import type { Member, MeshEvent, SignalingState } from '../mesh/mesh.ts';
import { unreachable } from '../shared/errors.ts';
import type { PeerId, SessionId } from '../shared/ids.ts';
import type { Presence } from '../runtime/presence.ts';
import type { ServeEvent } from '../runtime/serve-peer.ts';
import { deviceName } from './device-name.ts';
import type { Battery } from './join/battery.ts';
import { defaultSettings, type DeviceSettings } from './join/device-settings.ts';
import type { Activity, OwnDeviceEvent } from './join/own-device.ts';
import { happeningsBetween, type Happening } from './mesh-view/happenings.ts';
import { reduceAsked, type AskedEvent, type AskedSession } from './network-view/asked-state.ts';
import { problemOf, type Problem } from './problem.ts';
import {
  idleWork,
  reduceWork,
  without,
  withNetwork,
  withProblem,
  type ShownNetwork,
  type WorkState,
} from './session-work.ts';
import type { MissingFeature, Phase, WakeLockState } from './worded-states.ts';

export type { SessionStage, SessionWork, ShownNetwork } from './session-work.ts';
export type { MissingFeature, Phase, WakeLockState } from './worded-states.ts';

/** An engine that was tried and not taken, best first. */
export interface RefusedEngine {
  readonly name: string;
  readonly reason: string;
}

export type EngineState =
  | { readonly state: 'choosing' }
  | {
      readonly state: 'ready';
      readonly name: string;
      readonly accuracy: Accuracy;
      readonly refused: readonly RefusedEngine[];
    }
  | { readonly state: 'failed'; readonly problem: Problem; readonly refused: readonly RefusedEngine[] };

export interface Device {
  readonly name: string;
  readonly platform: string;
  /** What it offers to the room for weights and activations unless its people decide otherwise. */
  readonly memoryBytes: number;
  readonly missing: readonly MissingFeature[];
  /** Where it may be told to trust the room's server, so that the page is secure; absent where that is of no use. */
  readonly trustUrl?: string;
}

export interface RoomState extends WorkState {
  readonly view: 'room';
  readonly room: string;
  readonly link: string;
  readonly device: Device;
  readonly settings: DeviceSettings;
  readonly activity: Activity;
  /** The device is about to leave the room, and hands over what it computes. */
  readonly isLeaving: boolean;
  /** Absent where the browser does not tell. */
  readonly battery?: Battery;
  /** In convolutions, as measured. */
  readonly macsPerSecond?: number;
  readonly engine: EngineState;
  /** How fast the engine is, is being found out. */
  readonly measuring: boolean;
  readonly signaling: { readonly state: SignalingState; readonly problem?: Problem };
  readonly self?: PeerId;
  readonly members: ReadonlyMap<PeerId, Member>;
  /** As devices were called when they were last connected. */
  readonly names: ReadonlyMap<PeerId, string>;
  /** How devices said they were, this one included; of those that leave nothing stays. */
  readonly presences: ReadonlyMap<PeerId, Presence>;
  /** Devices that have just left, by their names. */
  readonly departed: ReadonlyMap<PeerId, string>;
  /** The latest, newest first. */
  readonly happenings: readonly Happening[];
  /** The session that this page has started, or the last one. */
  readonly asked?: AskedSession;
  readonly wakeLock: WakeLockState;
}

export type PeerState =
  /** The address holds no room, or one that cannot be read. */
  | { readonly view: 'no-room'; readonly problem?: Problem; readonly link?: string }
  | RoomState
  /** This device has left the room on purpose. */
  | { readonly view: 'left'; readonly room: string; readonly frames: number }
  /** This page has given up; only a reload helps. */
  | { readonly view: 'stopped'; readonly room: string; readonly problem: Problem };

export type PeerEvent =
  | { readonly type: 'no-room'; readonly problem?: Problem }
  | { readonly type: 'room-created'; readonly link: string }
  | {
      readonly type: 'room-entered';
      readonly room: string;
      readonly link: string;
      readonly device: Device;
      /** What was decided at this device before; absent: nothing. */
      readonly settings?: DeviceSettings;
    }
  | { readonly type: 'engine'; readonly engine: EngineState }
  | { readonly type: 'measuring'; readonly measuring: boolean }
  | { readonly type: 'measured'; readonly macsPerSecond: number }
  | { readonly type: 'joined'; readonly self: PeerId }
  /** Who was in the room before this device. */
  | { readonly type: 'present'; readonly members: ReadonlyMap<PeerId, Member> }
  | { readonly type: 'mesh'; readonly event: MeshEvent }
  | { readonly type: 'presence'; readonly peer: PeerId; readonly presence: Presence }
  /** A device that has left need not be shown any more. */
  | { readonly type: 'forgotten'; readonly peer: PeerId }
  | { readonly type: 'network'; readonly session: SessionId; readonly network: ShownNetwork }
  | { readonly type: 'own-device'; readonly event: OwnDeviceEvent }
  | { readonly type: 'asked'; readonly event: AskedEvent }
  | { readonly type: 'work'; readonly event: ServeEvent }
  | { readonly type: 'wake-lock'; readonly state: WakeLockState }
  | { readonly type: 'stopped'; readonly problem: Problem };

export const initialPeerState: PeerState = { view: 'no-room' };

const keptHappenings = 20;

/** The page's whole behaviour as a fold over what happened. Events that the present view has no place for change nothing. */
export function reducePeerState(state: PeerState, event: PeerEvent): PeerState {
  const next = reduceEvent(state, event);
  // Who was here before this device has not come.
  if (state.view !== 'room' || next.view !== 'room' || event.type === 'present') return next;
  const news = happeningsBetween(state, next);
  if (news.length === 0) return next;
  const first = (next.happenings[0]?.number ?? 0) + 1;
  const numbered = news.map((happening, index): Happening => ({ ...happening, number: first + index }));
  return { ...next, happenings: [...numbered.reverse(), ...next.happenings].slice(0, keptHappenings) };
}

function reduceEvent(state: PeerState, event: PeerEvent): PeerState {
  switch (event.type) {
    case 'no-room':
      return { view: 'no-room', ...(event.problem ? { problem: event.problem } : {}) };
    case 'room-created':
      return state.view === 'no-room' ? { view: 'no-room', link: event.link } : state;
    case 'room-entered':
      return {
        view: 'room',
        room: event.room,
        link: event.link,
        device: event.device,
        settings: event.settings ?? defaultSettings(event.device),
        activity: { state: 'active' },
        isLeaving: false,
        engine: { state: 'choosing' },
        measuring: false,
        signaling: { state: 'connecting' },
        members: new Map(),
        names: new Map(),
        presences: new Map(),
        departed: new Map(),
        happenings: [],
        ...idleWork,
        wakeLock: 'released',
      };
    case 'stopped':
      return state.view === 'room'
        ? { view: 'stopped', room: state.room, problem: event.problem }
        : { view: 'no-room', problem: event.problem };
    case 'engine':
      return inRoom(state, () => ({ engine: event.engine }));
    case 'measuring':
      return inRoom(state, () => ({ measuring: event.measuring }));
    case 'measured':
      return inRoom(state, () => ({ macsPerSecond: event.macsPerSecond }));
    case 'joined':
      return inRoom(state, () => ({ self: event.self }));
    case 'present':
      return inRoom(state, (room) =>
        [...event.members.values()].reduce<Partial<RoomState>>(
          (known, member) => ({ ...known, ...withMember({ ...room, ...known }, member) }),
          {},
        ),
      );
    case 'presence':
      return inRoom(state, ({ self, members, presences }) =>
        event.peer === self || members.has(event.peer)
          ? { presences: new Map(presences).set(event.peer, event.presence) }
          : {},
      );
    case 'forgotten':
      return inRoom(state, ({ departed }) => ({ departed: without(departed, event.peer) }));
    case 'network':
      return inRoom(state, (room) => withNetwork(room, event.session, event.network));
    case 'own-device':
      return reduceOwnDevice(state, event.event);
    case 'asked':
      return inRoom(state, ({ asked }) => {
        const next = reduceAsked(asked, event.event);
        return next ? { asked: next } : {};
      });
    case 'wake-lock':
      return inRoom(state, () => ({ wakeLock: event.state }));
    case 'mesh':
      return inRoom(state, (room) => reduceMesh(room, event.event));
    case 'work':
      return inRoom(state, (room) => reduceWork(room, event.event));
    default:
      return unreachable(event);
  }
}

const inRoom = (state: PeerState, change: (room: RoomState) => Partial<RoomState>): PeerState =>
  state.view === 'room' ? { ...state, ...change(state) } : state;

function reduceMesh(room: RoomState, event: MeshEvent): Partial<RoomState> {
  switch (event.type) {
    case 'signaling':
      return {
        signaling: { state: event.state, ...(event.error ? { problem: problemOf(event.error) } : {}) },
      };
    case 'member':
      return withMember(room, event.member);
    case 'member-doubtful':
      // Either its connection ends soon, or nothing has happened.
      return {};
    case 'member-left': {
      const { id } = event;
      if (!room.members.has(id)) return {};
      return {
        members: without(room.members, id),
        presences: without(room.presences, id),
        departed: new Map(room.departed).set(id, deviceName(id, room)),
      };
    }
    case 'offered':
      // What this device offers follows from its settings, which are told by themselves.
      return {};
    default:
      return unreachable(event);
  }
}

function withMember({ members, names, presences }: RoomState, member: Member): Partial<RoomState> {
  const { id } = member;
  return {
    members: new Map(members).set(id, member),
    ...(member.state === 'connected'
      ? { names: new Map(names).set(id, member.capabilities.name) }
      : // Without a connection nothing more is heard of how it is.
        { presences: without(presences, id) }),
  };
}

function reduceOwnDevice(state: PeerState, event: OwnDeviceEvent): PeerState {
  switch (event.type) {
    case 'settings':
      return inRoom(state, () => ({ settings: event.settings }));
    case 'activity':
      return inRoom(state, () => ({ activity: event.activity }));
    case 'battery':
      return inRoom(state, () => ({ battery: event.battery }));
    case 'setting-refused':
      return inRoom(state, (room) => withProblem(room, event.problem));
    case 'leaving':
      return inRoom(state, () => ({ isLeaving: true }));
    case 'left':
      return state.view === 'room' ? { view: 'left', room: state.room, frames: state.frames } : state;
    default:
      return unreachable(event);
  }
}

export function phaseOf(room: RoomState): Phase {
  if (room.engine.state === 'failed') return 'failed';
  if (room.isLeaving) return 'leaving';
  if (room.signaling.state === 'closed') return 'failed';
  if (room.signaling.state === 'lost') return 'lost';
  if (room.engine.state === 'choosing') return 'starting';
  if (room.signaling.state === 'connecting') return 'connecting';
  if (room.activity.state !== 'active') return 'paused';
  if ([...room.sessions.values()].some(({ stage }) => stage.state === 'ready')) return 'working';
  // Connections are made where a plan needs them: being here together is being ready.
  return room.members.size > 0 ? 'ready' : 'alone';
}

export function connectedCount({ members }: RoomState): number {
  return [...members.values()].filter(({ state }) => state === 'connected').length;
}

/** Holds the state and tells listeners of each change. */
export class PeerStore {
  #state: PeerState = initialPeerState;
  readonly #listeners = new Set<(state: PeerState) => void>();

  get state(): PeerState {
    return this.#state;
  }

  dispatch(event: PeerEvent): void {
    const next = reducePeerState(this.#state, event);
    if (next === this.#state) return;
    this.#state = next;
    for (const listener of this.#listeners) listener(next);
  }

  /** Calls at once and at every change; returns how to stop. */
  subscribe(listener: (state: PeerState) => void): () => void {
    this.#listeners.add(listener);
    listener(this.#state);
    return () => this.#listeners.delete(listener);
  }
}
