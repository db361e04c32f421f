import '../theme.css';
import './kiosk.css';
import './kiosk-view.ts';
import { systemClock } from '../../mesh/system-clock.ts';
import { parseRoomLink } from '../../protocol/room-link.ts';
import { toPeerceptronError } from '../../shared/errors.ts';
import { PeerStore } from '../peer-state.ts';
import { problemOf } from '../problem.ts';
import { briefFetch, startPage } from '../start-page.ts';
import { dimAfterMs } from './dimmer.ts';
import { EngineWatch } from './engine-watch.ts';
import { enterRoom } from './enter-room.ts';
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

await startPage({ quiet: true });
try {
  if (location.hash.length < 2) store.dispatch({ type: 'no-room' });
  else await enterRoom(parseRoomLink(location.href), store, watch, params.get('engine'));
} catch (error) {
  store.dispatch({ type: 'stopped', problem: problemOf(toPeerceptronError(error)) });
}
