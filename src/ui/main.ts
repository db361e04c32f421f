import './theme.css';
import './components/app.ts';
import { createRoomLink, formatRoomLink, parseRoomLink } from '../protocol/room-link.ts';
import { toPeerceptronError } from '../shared/errors.ts';
import { describeDevice } from './device.ts';
import { PeerStore, problemOf } from './peer-state.ts';
import { keepAwake } from './wake-lock.ts';

/** Composition root of the page: everything that the browser offers is handed to the rest from here. */
const store = new PeerStore();
const app = document.createElement('pt-app');
document.body.replaceChildren(app);
store.subscribe((state) => {
  app.state = state;
});

app.addEventListener('create-room', () => {
  const randomBytes = (length: number) => crypto.getRandomValues(new Uint8Array(length));
  store.dispatch({
    type: 'room-created',
    link: formatRoomLink(createRoomLink(location.href, randomBytes)),
  });
});

function enter(): void {
  if (location.hash.length < 2) {
    store.dispatch({ type: 'no-room' });
    return;
  }
  try {
    const link = parseRoomLink(location.href);
    const device = describeDevice({
      userAgent: navigator.userAgent,
      deviceMemory: 'deviceMemory' in navigator ? (navigator.deviceMemory as number) : undefined,
      crossOriginIsolated,
      hasWakeLock: 'wakeLock' in navigator,
    });
    store.dispatch({ type: 'room-entered', room: link.room, link: formatRoomLink(link), device });
    keepAwake((state) => store.dispatch({ type: 'wake-lock', state }));
  } catch (error) {
    store.dispatch({ type: 'no-room', problem: problemOf(toPeerceptronError(error)) });
  }
}

// Another room in the address is another visit: reloading leaves nothing of the old one behind.
window.addEventListener('hashchange', () => location.reload());
enter();
