import type { Engine } from '../engine/engine.ts';
import { startBrowserEngine } from '../engine/worker-host-browser.ts';
import { DevicePresence } from '../mesh/device-presence.ts';
import { joinMesh } from '../mesh/join-mesh.ts';
import type { Mesh } from '../mesh/mesh.ts';
import { signalingByLink } from '../mesh/signaling-by-link.ts';
import { systemClock } from '../mesh/system-clock.ts';
import { openBrowserSocket } from '../mesh/websocket-browser.ts';
import type { DeviceProfile, TransportProfile } from '../planner/profile.ts';
import type { Capabilities } from '../protocol/messages.ts';
import { formatRoomLink, type RoomLink } from '../protocol/room-link.ts';
import { installCodecKernels } from '../runtime/codec-kernels.ts';
import { measureDevice } from '../runtime/measure-device.ts';
import { measureTransport } from '../runtime/measure-transport.ts';
import type { Presence } from '../runtime/presence.ts';
import { offerProfile } from '../runtime/profile-service.ts';
import { RuntimeNode } from '../runtime/runtime-node.ts';
import { servePeer, type PeerService } from '../runtime/serve-peer.ts';
import { SharedDevice } from '../runtime/shared-device.ts';
import type { PeerId } from '../shared/ids.ts';
import type { RandomBytes } from '../shared/random.ts';
import type { OpenRtc } from '../transport/rtc.ts';
import { chooseBrowserEngine } from './choose-browser-engine.ts';
import { describeDevice } from './device.ts';
import { readGraphics } from './engine-candidates.ts';
import { watchBattery } from './join/battery.ts';
import { readSettings, writeSettings } from './join/device-settings.ts';
import { OwnDevice } from './join/own-device.ts';
import type { Device, PeerEvent, PeerStore } from './peer-state.ts';
import { storedProfile } from './profile-store.ts';
import { strings } from './strings.ts';
import { takePart } from './take-part.ts';
import { keepAwake } from './wake-lock.ts';
import { openWeightStore } from './weight-store.ts';

/** Also on plain http, unlike the rest of `crypto`. */
export const randomBytes: RandomBytes = (length) => crypto.getRandomValues(new Uint8Array(length));

/** The device that this page runs on, as far as the browser tells. */
export const thisDevice = (): Device =>
  describeDevice({
    userAgent: navigator.userAgent,
    deviceMemory: 'deviceMemory' in navigator ? (navigator.deviceMemory as number) : undefined,
    crossOriginIsolated,
    hasWakeLock: 'wakeLock' in navigator,
    isSecureContext,
  });

/** What its people have decided about it, and decide from now on. */
export const ownDevice = (device: Device, dispatch: (event: PeerEvent) => void): OwnDevice =>
  new OwnDevice({
    defaults: device,
    settings: readSettings(() => localStorage, device),
    save: (settings) => writeSettings(() => localStorage, settings, device),
    dispatch: (event) => dispatch({ type: 'own-device', event }),
  });

export interface EnterRoomOptions {
  readonly link: RoomLink;
  /** The link as it is joined by, where the place at which members meet has still to be found. Default: `link`. */
  readonly findMeeting?: () => Promise<RoomLink>;
  readonly store: PeerStore;
  readonly device: Device;
  readonly own: OwnDevice;
  /** The engine that the page's address wants, if any. */
  readonly wantedEngine: string | null;
  /** The same engine, for whoever wants to see how it gets on. */
  readonly watched?: (engine: Engine) => Engine;
  /** Devices that the sessions of this page do without for a while. */
  readonly setAside?: () => readonly PeerId[];
  /** How others say that they are; they say so while they are watched. */
  readonly onPresence?: (peer: PeerId, presence: Presence) => void;
}

/** So long a device that has left is still seen, so that people notice. */
const DEPARTED_MS = 6000;

/** A room that this device is in. */
export interface EnteredRoom {
  readonly mesh: Mesh;
  readonly node: RuntimeNode;
  readonly presence: DevicePresence;
  /** What this device says of itself to others, now. */
  readonly capabilities: () => Capabilities;
  /** What moving tensors costs this device, also where its engine could not be measured. */
  readonly transport: () => Promise<TransportProfile>;
  /** Hands over what it computes, and goes. */
  leave(): Promise<void>;
}

interface Served {
  readonly node: RuntimeNode;
  readonly service: PeerService;
  readonly presence: DevicePresence;
}

/**
 * Takes part in a room for as long as the page is there, with all that a browser has for it. What happens is told to `store`; nothing
 * where this device cannot take part.
 */
export async function enterRoom(options: EnterRoomOptions): Promise<EnteredRoom | undefined> {
  const { link, findMeeting = async () => link, store, device, own, wantedEngine } = options;
  const { watched = (engine: Engine) => engine } = options;
  const { settings } = own;
  store.dispatch({ type: 'room-entered', room: link.room, link: formatRoomLink(link), device, settings });
  if (typeof RTCPeerConnection === 'undefined') {
    store.dispatch({ type: 'stopped', problem: { code: 'LINK_NO_ROUTE', message: strings.noWebRtc } });
    return undefined;
  }
  // At once: while the server is away there is something to see, too.
  const awake = keepAwake((state) => store.dispatch({ type: 'wake-lock', state }));
  // Long before the first frame; where they do not run, the plain loops stay.
  void installCodecKernels();
  const weights = await openWeightStore(link);
  let shared: SharedDevice | undefined;
  let served: Served | undefined;
  let capabilities: Capabilities | undefined;
  const mesh = await takePart({
    device: { ...device, name: settings.name, memoryBytes: settings.memoryBytes },
    chooseEngine: async () => {
      const chosen = await chooseBrowserEngine({
        graphics: await readGraphics(wantedEngine),
        userAgent: navigator.userAgent,
        start: async (backend) => watched(await startBrowserEngine({ backend })),
        clock: systemClock,
        storage: () => localStorage,
      });
      const { engine } = chosen;
      const measure = (): Promise<DeviceProfile> =>
        storedProfile(
          () => localStorage,
          { userAgent: navigator.userAgent, engine: engine.name },
          () => measureDevice({ engine, clock: systemClock, cores: navigator.hardwareConcurrency || 1 }),
        );
      shared = new SharedDevice({ engine, share: 1, measure });
      return chosen;
    },
    measure: async () => {
      const profile = await shared!.profile();
      const { macsPerSecond } = shared!;
      if (macsPerSecond !== undefined) store.dispatch({ type: 'measured', macsPerSecond });
      return profile;
    },
    join: async (offered) => {
      capabilities = offered;
      const meeting = await findMeeting();
      return joinMesh({
        link: meeting,
        capabilities: offered,
        openSignaling: signalingByLink(openBrowserSocket),
        openRtc: await webRtcOf(meeting),
        clock: systemClock,
        randomBytes,
      });
    },
    serve: (joined, engine, onEvent) => {
      const node = new RuntimeNode(joined);
      const whole = shared!;
      // At the share of the moment.
      offerProfile({ node, clock: systemClock, profile: () => whole.profile() });
      const presence = new DevicePresence({
        mesh: joined,
        node,
        clock: systemClock,
        facts: () => ({
          share: whole.share,
          macsPerSecond: whole.macsPerSecond,
          battery: own.battery,
          setAside: options.setAside?.() ?? [],
        }),
        ...(options.onPresence ? { onPresence: options.onPresence } : {}),
      });
      const service = servePeer({
        node,
        engine,
        memoryBytes: own.settings.memoryBytes,
        clock: systemClock,
        weights,
        onEvent: (event) => {
          presence.onServe(event);
          onEvent(event);
          if (event.type !== 'session-ready') return;
          const { session } = event;
          const compiled = service.plan(session);
          if (!compiled) return;
          const { graph, plan } = compiled;
          store.dispatch({ type: 'network', session, network: { graph, plan } });
        },
      });
      served = { node, service, presence };
    },
    clock: systemClock,
    dispatch: (event) => store.dispatch(event),
  });
  if (!mesh || !served || !shared || !capabilities) {
    awake.stop();
    return undefined;
  }
  const { node, service, presence } = served;
  const whole = shared;
  let offered = capabilities;
  mesh.subscribe((event) => {
    if (event.type === 'offered') offered = event.capabilities;
    if (event.type === 'member-left')
      systemClock.after(DEPARTED_MS, () => store.dispatch({ type: 'forgotten', peer: event.id }));
  });
  own.joined({ mesh, service, device: whole, capabilities });
  void watchBattery((battery) => own.charged(battery));
  // Others learn at once, rather than by a time-out, that this device is gone: there is no time to hand anything over.
  window.addEventListener('pagehide', () => {
    void service.leave();
    void mesh.leave();
  });
  return {
    mesh,
    node,
    presence,
    capabilities: () => offered,
    transport: () =>
      whole.profile().then(
        (known) => known.transport,
        () => measureTransport({ clock: systemClock }),
      ),
    leave: async () => {
      await own.leave();
      awake.stop();
    },
  };
}

/** Only one of the two libraries is ever needed. */
async function webRtcOf(link: RoomLink): Promise<OpenRtc> {
  if (link.peerServer) return (await import('../transport/peerjs-browser.ts')).openRtcPeerjs;
  return (await import('../transport/simple-peer-browser.ts')).openRtcBrowser;
}
