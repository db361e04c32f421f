import './theme.css';
import './components/app.ts';
import { chooseEngine } from '../engine/choose.ts';
import { startBrowserEngine } from '../engine/worker-host-browser.ts';
import { joinMesh } from '../mesh/join-mesh.ts';
import type { Mesh } from '../mesh/mesh.ts';
import { signalingByLink } from '../mesh/signaling-by-link.ts';
import { systemClock } from '../mesh/system-clock.ts';
import { openBrowserSocket } from '../mesh/websocket-browser.ts';
import { createRoomLink, formatRoomLink, parseRoomLink, type RoomLink } from '../protocol/room-link.ts';
import { installCodecKernels } from '../runtime/codec-kernels.ts';
import { measureDevice } from '../runtime/measure-device.ts';
import { offerProfile } from '../runtime/profile-service.ts';
import { RuntimeNode } from '../runtime/runtime-node.ts';
import { servePeer, type PeerService } from '../runtime/serve-peer.ts';
import { toPeerceptronError } from '../shared/errors.ts';
import type { Capabilities } from '../protocol/messages.ts';
import type { RandomBytes } from '../shared/random.ts';
import { openRtcPeerjs } from '../transport/peerjs-browser.ts';
import { openRtcBrowser } from '../transport/simple-peer-browser.ts';
import { describeDevice } from './device.ts';
import { engineCandidates, readGraphics } from './engine-candidates.ts';
import { PeerStore } from './peer-state.ts';
import { problemOf } from './problem.ts';
import { storedProfile } from './profile-store.ts';
import { fetchWhenServed, startPage } from './start-page.ts';
import { strings } from './strings.ts';
import { findPeerServer } from './peer-server.ts';
import { readPixels } from './read-pixels.ts';
import { takePart } from './take-part.ts';
import { Trial } from './trial.ts';
import type { TrialEvent } from './trial-state.ts';
import { openWeightStore } from './weight-store.ts';
import { keepAwake } from './wake-lock.ts';

/** Composition root of the page: everything that the browser offers is handed to the rest from here. */
const store = new PeerStore();
const app = document.createElement('pt-app');
document.body.replaceChildren(app);
store.subscribe((state) => {
  app.state = state;
});

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
  });
  store.dispatch({ type: 'room-entered', room: link.room, link: formatRoomLink(link), device });
  if (typeof RTCPeerConnection === 'undefined') {
    store.dispatch({ type: 'stopped', problem: { code: 'LINK_NO_ROUTE', message: strings.noWebRtc } });
    return;
  }
  // Long before the first frame; where they do not run, the plain loops stay.
  void installCodecKernels();
  const weightStore = await openWeightStore(link);
  let service: PeerService | undefined;
  let runtime: RuntimeNode | undefined;
  let offered: Capabilities | undefined;
  const mesh = await takePart({
    device,
    chooseEngine: async () => {
      const graphics = await readGraphics(new URLSearchParams(location.search).get('engine'));
      return chooseEngine(engineCandidates(graphics), (backend) => startBrowserEngine({ backend }));
    },
    join: (capabilities) => {
      offered = capabilities;
      return joinMesh({
        link,
        capabilities,
        openSignaling: signalingByLink(openBrowserSocket),
        openRtc: link.peerServer ? openRtcPeerjs : openRtcBrowser,
        clock: systemClock,
        randomBytes,
      });
    },
    measure: (engine) =>
      storedProfile(
        () => localStorage,
        { userAgent: navigator.userAgent, engine: engine.name },
        () => measureDevice({ engine, clock: systemClock, cores: navigator.hardwareConcurrency || 1 }),
      ),
    serve: (joined, engine, profile, onEvent) => {
      const { memoryBytes } = device;
      const node = new RuntimeNode(joined);
      runtime = node;
      offerProfile({ node, clock: systemClock, profile });
      service = servePeer({
        node,
        engine,
        memoryBytes,
        clock: systemClock,
        weights: weightStore,
        onEvent,
      });
    },
    keepAwake,
    clock: systemClock,
    dispatch: (event) => store.dispatch(event),
  });
  const trial = mesh && runtime && offered ? offerTrial(mesh, runtime, offered) : undefined;
  // Others learn at once, rather than by a time-out, that this device is gone: there is no time to hand anything over.
  window.addEventListener('pagehide', () => {
    void trial?.close();
    void service?.leave();
    void mesh?.leave();
  });
}

/** The button that asks the room. What it takes is loaded when it is pressed for the first time. */
function offerTrial(mesh: Mesh, node: RuntimeNode, capabilities: Capabilities): Trial {
  const dispatch = (event: TrialEvent): void => store.dispatch({ type: 'trial', event });
  const trial = new Trial({
    clock: systemClock,
    dispatch,
    open: async () => {
      const [{ openRoomAsker }, { httpBytes }] = await Promise.all([
        import('./room-asker.ts'),
        import('../weights/http-source.ts'),
      ]);
      return openRoomAsker({
        mesh,
        node,
        capabilities,
        clock: systemClock,
        randomBytes,
        modelUrl: new URL('models/digits', document.baseURI).href,
        open: httpBytes,
        readPixels,
        dispatch,
      });
    },
  });
  app.addEventListener('try-room', () => void trial.run());
  return trial;
}

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
