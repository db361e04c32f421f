import './theme.css';
import './components/app.ts';
import type { DevicePresence } from '../mesh/device-presence.ts';
import type { Member, Mesh } from '../mesh/mesh.ts';
import { systemClock } from '../mesh/system-clock.ts';
import { createRoomLink, formatRoomLink, parseRoomLink, type RoomLink } from '../protocol/room-link.ts';
import type { Presence } from '../runtime/presence.ts';
import { toPeerceptronError } from '../shared/errors.ts';
import type { PeerId } from '../shared/ids.ts';
import { digitSamples } from './digit-samples.ts';
import { enterRoom, ownDevice, randomBytes, thisDevice, type EnteredRoom } from './enter-room.ts';
import type { DeviceSettings } from './join/device-settings.ts';
import type { OwnDevice } from './join/own-device.ts';
import type { PlanWish } from './network-view/asked-state.ts';
import { paced } from './paced.ts';
import type { PageSession } from './page-session.ts';
import { findPeerServer } from './peer-server.ts';
import { PeerStore, type PeerState } from './peer-state.ts';
import { problemOf } from './problem.ts';
import { fetchWhenServed, startPage } from './start-page.ts';
import type { ShowAndTeach } from './teach/show-and-teach.ts';

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

const PRESENCE_EVERY_MS = 1000;

async function enter(link: RoomLink, trust: { readonly trustUrl?: string }): Promise<void> {
  const device = { ...thisDevice(), ...trust };
  const own = ownDevice(device, (event) => store.dispatch(event));
  followWishes(own);
  const tell = (peer: PeerId, presence: Presence): void =>
    store.dispatch({ type: 'presence', peer, presence });
  const room = await enterRoom({
    link,
    store,
    device,
    own,
    wantedEngine: new URLSearchParams(location.search).get('engine'),
    setAside: () => asking?.session.setAside ?? [],
    onPresence: tell,
  });
  if (!room) return;
  const { mesh, presence } = room;
  lookAround(mesh, presence);
  const tick = (): void => {
    if (document.visibilityState === 'visible') tell(mesh.self, presence.report());
    systemClock.after(PRESENCE_EVERY_MS, tick);
  };
  tick();
  const showing = openShowing(room);
  app.addEventListener('leave-room', () => {
    void showing.then((parts) => parts?.close());
    void room.leave();
  });
  window.addEventListener('pagehide', () => void showing.then((parts) => parts?.close()));
}

/** What shows things to the room is loaded when this device is in it; without it the rest of the page works all the same. */
async function openShowing({
  mesh,
  node,
  capabilities,
  transport,
}: EnteredRoom): Promise<ShowAndTeach | undefined> {
  const pageUrl = document.baseURI;
  try {
    const [{ pagePorts }, { showAndTeach }, { servedModels }] = await Promise.all([
      import('./demo/page-ports.ts'),
      import('./teach/show-and-teach.ts'),
      import('./demo/served-models.ts'),
    ]);
    const parts = showAndTeach(
      pagePorts({
        mesh,
        node,
        capabilities,
        transport,
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

/** What the people at this device decide. */
function followWishes(own: OwnDevice): void {
  app.addEventListener('change-settings', (event) =>
    own.change((event as CustomEvent<Partial<DeviceSettings>>).detail),
  );
  app.addEventListener('pause-device', () => own.pause());
  app.addEventListener('resume-device', () => own.resume());
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

const trust = await startPage();
try {
  if (location.hash.length < 2) store.dispatch({ type: 'no-room' });
  else {
    const link = parseRoomLink(location.href);
    // A link without a server, on a page that has none beside it: the same PeerServer for everyone who opens it.
    const peerServer = link.peerServer ?? (await findPeerServer(location.href, fetchWhenServed));
    await enter(peerServer ? { ...link, peerServer } : link, trust);
  }
} catch (error) {
  store.dispatch({ type: 'stopped', problem: problemOf(toPeerceptronError(error)) });
}
