import { startBrowserEngine } from '../../engine/worker-host-browser.ts';
import { joinMesh } from '../../mesh/join-mesh.ts';
import { signalingByLink } from '../../mesh/signaling-by-link.ts';
import { systemClock } from '../../mesh/system-clock.ts';
import { openBrowserSocket } from '../../mesh/websocket-browser.ts';
import { formatRoomLink, type RoomLink } from '../../protocol/room-link.ts';
import { installCodecKernels } from '../../runtime/codec-kernels.ts';
import { measureDevice } from '../../runtime/measure-device.ts';
import { offerProfile } from '../../runtime/profile-service.ts';
import { RuntimeNode } from '../../runtime/runtime-node.ts';
import { servePeer, type PeerService } from '../../runtime/serve-peer.ts';
import { openRtcPeerjs } from '../../transport/peerjs-browser.ts';
import { openRtcBrowser } from '../../transport/simple-peer-browser.ts';
import { chooseBrowserEngine } from '../choose-browser-engine.ts';
import { describeDevice } from '../device.ts';
import { readGraphics } from '../engine-candidates.ts';
import { patientFetch } from '../patient-fetch.ts';
import { findPeerServer } from '../peer-server.ts';
import type { PeerStore } from '../peer-state.ts';
import { storedProfile } from '../profile-store.ts';
import { strings } from '../strings.ts';
import { takePart } from '../take-part.ts';
import { keepAwake } from '../wake-lock.ts';
import { openWeightStore } from '../weight-store.ts';
import type { EngineWatch } from './engine-watch.ts';

/** Takes part in a room for as long as the page is there; asks for nothing itself. */
export async function enterRoom(
  link: RoomLink,
  store: PeerStore,
  watch: EngineWatch,
  wantedEngine: string | null,
): Promise<void> {
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
  // At once: while the server is away there is something to see, too.
  keepAwake((state) => store.dispatch({ type: 'wake-lock', state }));
  void installCodecKernels();
  const weights = await openWeightStore(link);
  // A page that started without its server, from its service worker, waits for it here.
  const load = patientFetch({
    load: (url) => fetch(url),
    clock: systemClock,
    onSilence: (error) =>
      store.dispatch({ type: 'mesh', event: { type: 'signaling', state: 'lost', error } }),
  });
  let service: PeerService | undefined;
  const mesh = await takePart({
    device,
    chooseEngine: async () =>
      chooseBrowserEngine({
        graphics: await readGraphics(wantedEngine),
        userAgent: navigator.userAgent,
        start: async (backend) => watch.over(await startBrowserEngine({ backend })),
        clock: systemClock,
        storage: () => localStorage,
      }),
    join: async (capabilities) => {
      const peerServer = link.peerServer ?? (await findPeerServer(location.href, load));
      return joinMesh({
        link: peerServer ? { ...link, peerServer } : link,
        capabilities,
        openSignaling: signalingByLink(openBrowserSocket),
        openRtc: peerServer ? openRtcPeerjs : openRtcBrowser,
        clock: systemClock,
        randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
      });
    },
    measure: (engine) =>
      storedProfile(
        () => localStorage,
        { userAgent: navigator.userAgent, engine: engine.name },
        () => measureDevice({ engine, clock: systemClock, cores: navigator.hardwareConcurrency || 1 }),
      ),
    serve: (joined, engine, profile, onEvent) => {
      const node = new RuntimeNode(joined);
      offerProfile({ node, clock: systemClock, profile });
      const { memoryBytes } = device;
      service = servePeer({ node, engine, memoryBytes, clock: systemClock, weights, onEvent });
    },
    keepAwake: () => undefined,
    clock: systemClock,
    dispatch: (event) => store.dispatch(event),
  });
  // Others learn at once, rather than by a time-out, that this device is gone.
  window.addEventListener('pagehide', () => {
    void service?.leave();
    void mesh?.leave();
  });
}
