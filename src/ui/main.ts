import './theme.css';
import './components/app.ts';
import { chooseEngine } from '../engine/choose.ts';
import type { Engine } from '../engine/engine.ts';
import { startBrowserEngine } from '../engine/worker-host-browser.ts';
import { DevicePresence } from '../mesh/device-presence.ts';
import { joinMesh } from '../mesh/join-mesh.ts';
import type { Member, Mesh } from '../mesh/mesh.ts';
import { signalingByLink } from '../mesh/signaling-by-link.ts';
import { systemClock } from '../mesh/system-clock.ts';
import { openBrowserSocket } from '../mesh/websocket-browser.ts';
import type { DeviceProfile, TransportProfile } from '../planner/profile.ts';
import type { Capabilities } from '../protocol/messages.ts';
import { createRoomLink, formatRoomLink, parseRoomLink, type RoomLink } from '../protocol/room-link.ts';
import { installCodecKernels } from '../runtime/codec-kernels.ts';
import { measureDevice } from '../runtime/measure-device.ts';
import { measureTransport } from '../runtime/measure-transport.ts';
import type { WeightStore } from '../runtime/peer-weights.ts';
import type { Presence } from '../runtime/presence.ts';
import { offerProfile } from '../runtime/profile-service.ts';
import { RuntimeNode } from '../runtime/runtime-node.ts';
import { servePeer, type PeerService, type ServeEvent } from '../runtime/serve-peer.ts';
import { SharedDevice } from '../runtime/shared-device.ts';
import { toPeerceptronError } from '../shared/errors.ts';
import type { PeerId } from '../shared/ids.ts';
import type { RandomBytes } from '../shared/random.ts';
import type { OpenRtc } from '../transport/rtc.ts';
import type { PagePortsOptions } from './demo/page-ports.ts';
import { describeDevice } from './device.ts';
import { digitSamples } from './digit-samples.ts';
import { engineCandidates, readGraphics } from './engine-candidates.ts';
import { watchBattery } from './join/battery.ts';
import { readSettings, writeSettings, type DeviceSettings } from './join/device-settings.ts';
import { OwnDevice } from './join/own-device.ts';
import type { PlanWish } from './network-view/asked-state.ts';
import type { PageSession } from './page-session.ts';
import { paced } from './paced.ts';
import { findPeerServer } from './peer-server.ts';
import { PeerStore, type PeerState } from './peer-state.ts';
import { problemOf } from './problem.ts';
import { storedProfile } from './profile-store.ts';
import { fetchWhenServed, startPage } from './start-page.ts';
import { strings } from './strings.ts';
import { takePart } from './take-part.ts';
import type { ShowAndTeach } from './teach/show-and-teach.ts';
import { keepAwake } from './wake-lock.ts';
import { openWeightStore } from './weight-store.ts';

/** Composition root of the page: everything that the browser offers is handed to the rest from here. */
const SHOW_EVERY_MS = 50;
const store = new PeerStore();
const app = document.createElement('pt-app');
app.samples = digitSamples.map((file) => new URL(`models/digits/samples/${file}`, document.baseURI).href);
document.body.replaceChildren(app);
store.subscribe(
  paced<PeerState>(systemClock, SHOW_EVERY_MS, (state) => {
    app.state = state;
  }),
);

// Also on plain http, unlike the rest of `crypto`.
const randomBytes: RandomBytes = (length) => crypto.getRandomValues(new Uint8Array(length));

app.addEventListener('create-room', () => void createRoom());

async function createRoom(): Promise<void> {
  try {
    const peerServer = await findPeerServer(location.href, fetchWhenServed);
    const link = createRoomLink(location.href, randomBytes, undefined, peerServer);
    store.dispatch({ type: 'room-created', link: formatRoomLink(link) });
  } catch (error) {
    store.dispatch({ type: 'stopped', problem: problemOf(toPeerceptronError(error)) });
  }
}

async function enter(link: RoomLink): Promise<void> {
  const device = describeDevice({
    userAgent: navigator.userAgent,
    deviceMemory: 'deviceMemory' in navigator ? (navigator.deviceMemory as number) : undefined,
    crossOriginIsolated,
    hasWakeLock: 'wakeLock' in navigator,
    isSecureContext,
  });
  const settings = readSettings(() => localStorage, device);
  store.dispatch({ type: 'room-entered', room: link.room, link: formatRoomLink(link), device, settings });
  if (typeof RTCPeerConnection === 'undefined') {
    store.dispatch({ type: 'stopped', problem: { code: 'LINK_NO_ROUTE', message: strings.noWebRtc } });
    return;
  }
  // Long before the first frame; where they do not run, the plain loops stay.
  void installCodecKernels();
  const own = new OwnDevice({
    defaults: device,
    settings,
    save: (chosen) => writeSettings(() => localStorage, chosen, device),
    dispatch: (event) => store.dispatch({ type: 'own-device', event }),
  });
  followWishes(own);
  const [weightStore, openRtc] = await Promise.all([openWeightStore(link), webRtcOf(link)]);
  let shared: SharedDevice | undefined;
  let room: JoinedRoom | undefined;
  let offered: Capabilities | undefined;
  let awake: { stop(): void } | undefined;
  const mesh = await takePart({
    device: { ...device, name: settings.name, memoryBytes: settings.memoryBytes },
    chooseEngine: async () => {
      const graphics = await readGraphics(new URLSearchParams(location.search).get('engine'));
      const chosen = await chooseEngine(engineCandidates(graphics), (backend) =>
        startBrowserEngine({ backend }),
      );
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
    join: (capabilities) => {
      offered = capabilities;
      return joinMesh({
        link,
        capabilities,
        openSignaling: signalingByLink(openBrowserSocket),
        openRtc,
        clock: systemClock,
        randomBytes,
      });
    },
    measure: async () => {
      const profile = await shared!.profile();
      const { macsPerSecond } = shared!;
      if (macsPerSecond !== undefined) store.dispatch({ type: 'measured', macsPerSecond });
      return profile;
    },
    serve: (joined, engine, _profile, onEvent) => {
      room = serveRoom({ mesh: joined, engine, onEvent, weightStore, own, shared: shared! });
    },
    keepAwake: (onState) => (awake = keepAwake(onState)),
    clock: systemClock,
    dispatch: (event) => store.dispatch(event),
  });
  if (!mesh || !room || !offered || !shared) return;
  const { node, service } = room;
  own.joined({ mesh, service, device: shared, capabilities: offered });
  void watchBattery((battery) => own.charged(battery));
  const whole = shared;
  // Of a device whose engine could not be measured, tensors can be moved all the same.
  const transport = (): Promise<TransportProfile> =>
    whole.profile().then(
      (known) => known.transport,
      () => measureTransport({ clock: systemClock }),
    );
  let capabilities = offered;
  mesh.subscribe((event) => {
    if (event.type === 'offered') capabilities = event.capabilities;
  });
  const showing = openShowing({ mesh, node, capabilities: () => capabilities, transport });
  app.addEventListener('leave-room', () => {
    void showing.then((parts) => parts?.close());
    void own.leave().then(() => awake?.stop());
  });
  // Others learn at once, rather than by a time-out, that this device is gone: there is no time to hand anything over.
  window.addEventListener('pagehide', () => {
    void showing.then((parts) => parts?.close());
    void service.leave();
    void mesh.leave();
  });
}

/** What shows things to the room is loaded when this device is in it; without it the rest of the page works all the same. */
async function openShowing(
  room: Pick<PagePortsOptions, 'mesh' | 'node' | 'capabilities' | 'transport'>,
): Promise<ShowAndTeach | undefined> {
  const pageUrl = document.baseURI;
  try {
    const [{ pagePorts }, { showAndTeach }, { servedModels }] = await Promise.all([
      import('./demo/page-ports.ts'),
      import('./teach/show-and-teach.ts'),
      import('./demo/served-models.ts'),
    ]);
    const parts = showAndTeach(
      pagePorts({
        ...room,
        clock: systemClock,
        randomBytes,
        pageUrl,
        dispatch: (event) => store.dispatch({ type: 'asked', event }),
        onPage: (page) => (asking = page),
      }),
    );
    app.show = { demo: parts.demo, teach: parts.teach, served: await servedModels(pageUrl, fetch) };
    return parts;
  } catch (thrown) {
    app.showProblem = problemOf(toPeerceptronError(thrown));
    return undefined;
  }
}

/** Only one of the two libraries is ever needed. */
async function webRtcOf(link: RoomLink): Promise<OpenRtc> {
  if (link.peerServer) return (await import('../transport/peerjs-browser.ts')).openRtcPeerjs;
  return (await import('../transport/simple-peer-browser.ts')).openRtcBrowser;
}

/** What the people at this device decide. */
function followWishes(own: OwnDevice): void {
  app.addEventListener('change-settings', (event) =>
    own.change((event as CustomEvent<Partial<DeviceSettings>>).detail),
  );
  app.addEventListener('pause-device', () => own.pause());
  app.addEventListener('resume-device', () => own.resume());
}

interface JoinedRoom {
  readonly node: RuntimeNode;
  readonly service: PeerService;
}

interface ServeRoomOptions {
  readonly mesh: Mesh;
  readonly engine: Engine;
  readonly onEvent: (event: ServeEvent) => void;
  readonly weightStore: WeightStore;
  readonly own: OwnDevice;
  readonly shared: SharedDevice;
}

/** So long a device that has left is still seen, so that people notice. */
const DEPARTED_MS = 6000;
const PRESENCE_EVERY_MS = 1000;

function serveRoom({ mesh, engine, onEvent, weightStore, own, shared }: ServeRoomOptions): JoinedRoom {
  const node = new RuntimeNode(mesh);
  // At the share of the moment.
  offerProfile({ node, clock: systemClock, profile: () => shared.profile() });
  const tell = (peer: PeerId, presence: Presence): void =>
    store.dispatch({ type: 'presence', peer, presence });
  const presence = new DevicePresence({
    mesh,
    node,
    clock: systemClock,
    facts: () => ({
      share: shared.share,
      macsPerSecond: shared.macsPerSecond,
      battery: own.battery,
      setAside: asking?.session.setAside ?? [],
    }),
    onPresence: tell,
  });
  const service = servePeer({
    node,
    engine,
    memoryBytes: own.settings.memoryBytes,
    clock: systemClock,
    weights: weightStore,
    onEvent: (event) => {
      presence.onServe(event);
      onEvent(event);
      const plan = event.type === 'session-ready' ? service.plan(event.session) : undefined;
      if (plan && event.type === 'session-ready')
        store.dispatch({
          type: 'network',
          session: event.session,
          network: { graph: plan.graph, plan: plan.plan },
        });
    },
  });
  lookAround(mesh, presence);
  const tick = (): void => {
    if (document.visibilityState === 'visible') tell(mesh.self, presence.report());
    systemClock.after(PRESENCE_EVERY_MS, tick);
  };
  tick();
  return { node, service };
}

/** While the mesh is on show: everybody is connected to, and asked how they are. */
function lookAround(mesh: Mesh, presence: DevicePresence): void {
  const dial = (member: Member): void => {
    // A failed dial shows as the member's state.
    if (member.state === 'announced') mesh.channel(member.id).catch(() => undefined);
  };
  const isShown = (): boolean => app.view === 'mesh' && document.visibilityState === 'visible';
  const follow = (): void => {
    if (!isShown()) return presence.unwatch();
    for (const member of mesh.members.values()) dial(member);
    presence.watch();
  };
  app.addEventListener('show-view', follow);
  document.addEventListener('visibilitychange', follow);
  mesh.subscribe((event) => {
    if (event.type === 'member' && isShown()) dial(event.member);
    if (event.type === 'member-left')
      systemClock.after(DEPARTED_MS, () => store.dispatch({ type: 'forgotten', peer: event.id }));
  });
  follow();
}

/** The session that this page has open, for the views that look into it. */
let asking: PageSession | undefined;
app.addEventListener(
  'preview-plan',
  (event) => void asking?.preview((event as CustomEvent<PlanWish>).detail),
);
app.addEventListener('apply-plan', (event) => asking?.apply((event as CustomEvent<PlanWish>).detail));
app.addEventListener('take-trace', () => void asking?.takeTrace());
// Whoever looks at the frames wants to see the latest ones.
app.addEventListener('show-view', () => {
  if (app.view === 'frames') void asking?.takeTrace();
});

// Another room is another visit, and so is a page that comes back from the browser's cache after it said goodbye:
// loading anew leaves nothing of the old one behind.
window.addEventListener('hashchange', () => location.reload());
window.addEventListener('pageshow', ({ persisted }) => {
  if (persisted) location.reload();
});

await startPage();
try {
  if (location.hash.length < 2) store.dispatch({ type: 'no-room' });
  else {
    const link = parseRoomLink(location.href);
    // A link without a server, on a page that has none beside it: the same PeerServer for everyone who opens it.
    const peerServer = link.peerServer ?? (await findPeerServer(location.href, fetchWhenServed));
    await enter(peerServer ? { ...link, peerServer } : link);
  }
} catch (error) {
  store.dispatch({ type: 'stopped', problem: problemOf(toPeerceptronError(error)) });
}
