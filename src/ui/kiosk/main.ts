import '../theme.css';
import './kiosk.css';
import './kiosk-view.ts';
import { systemClock } from '../../mesh/system-clock.ts';
import { parseRoomLink, type RoomLink } from '../../protocol/room-link.ts';
import { toPeerceptronError } from '../../shared/errors.ts';
import { enterRoom, ownDevice, thisDevice } from '../enter-room.ts';
import { patientFetch } from '../patient-fetch.ts';
import { findPeerServer } from '../peer-server.ts';
import { PeerStore } from '../peer-state.ts';
import { problemOf } from '../problem.ts';
import { briefFetch, startPage } from '../start-page.ts';
import { dimAfterMs } from './dimmer.ts';
import { EngineWatch } from './engine-watch.ts';
import { HEARTBEAT, startHeartbeat } from './heartbeat.ts';
import { Keeper } from './keeper.ts';
import { KioskScreen } from './kiosk-screen.ts';
import { buildOf, lookAtServedPage } from './page-build.ts';

/** Composition root of the page `/kiosk`: a device that takes part, with a screen that nobody touches. */
const running = buildOf(document);
const params = new URLSearchParams(location.search);
const view = document.createElement('pt-kiosk');
document.body.replaceChildren(view);

const screen = new KioskScreen({
  clock: systemClock,
  dimAfterMs: dimAfterMs(params.get('dim')),
  show: (state) => {
    view.state = state;
  },
});
const TRIES = 'peerceptron kiosk tries';
const keeper = new Keeper({
  clock: systemClock,
  look: () => lookAtServedPage(running, location.pathname, briefFetch),
  reload: () => location.reload(),
  tries: {
    read: () => Number(sessionStorage.getItem(TRIES) ?? 0) || 0,
    write: (count) => sessionStorage.setItem(TRIES, String(count)),
  },
});
const store = new PeerStore();
store.subscribe((state) => {
  screen.onPeer(state);
  keeper.onState(state);
});

const watch = new EngineWatch(systemClock);
const heartbeat = startHeartbeat({
  clock: systemClock,
  peer: () => store.state,
  busyMs: () => watch.busyMs,
  secure: isSecureContext,
  isolated: crossOriginIsolated,
});
Object.assign(globalThis, { [HEARTBEAT]: heartbeat });

for (const touch of ['pointerdown', 'pointermove'] as const)
  window.addEventListener(touch, () => screen.wake(), { passive: true });
window.addEventListener('keydown', ({ key }) => {
  if (key === 'd' || key === 'D') screen.toggleDim();
  else screen.wake();
});
// Another room is another visit, and so is a page that comes back from the browser's cache after it said goodbye.
window.addEventListener('hashchange', () => location.reload());
window.addEventListener('pageshow', ({ persisted }) => {
  if (persisted) location.reload();
});

/** Asks for nothing itself. */
async function enter(link: RoomLink): Promise<void> {
  const device = thisDevice();
  // A page that started without its server, from its service worker, waits for it here.
  const load = patientFetch({
    load: (url) => fetch(url),
    clock: systemClock,
    onSilence: (error) =>
      store.dispatch({ type: 'mesh', event: { type: 'signaling', state: 'lost', error } }),
  });
  await enterRoom({
    link,
    findMeeting: async () => {
      const peerServer = link.peerServer ?? (await findPeerServer(location.href, load));
      return peerServer ? { ...link, peerServer } : link;
    },
    store,
    device,
    own: ownDevice(device, (event) => store.dispatch(event)),
    wantedEngine: params.get('engine'),
    watched: (engine) => watch.over(engine),
  });
}

await startPage({ quiet: true });
try {
  if (location.hash.length < 2) store.dispatch({ type: 'no-room' });
  else await enter(parseRoomLink(location.href));
} catch (error) {
  store.dispatch({ type: 'stopped', problem: problemOf(toPeerceptronError(error)) });
}
