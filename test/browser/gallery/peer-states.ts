import type { Member } from '../../../src/mesh/mesh.ts';
import { PeerceptronError } from '../../../src/shared/errors.ts';
import { asSessionId } from '../../../src/shared/ids.ts';
import {
  initialPeerState,
  reducePeerState,
  type Device,
  type EngineState,
  type PeerEvent,
  type PeerState,
} from '../../../src/ui/peer-state.ts';
import type { RoomView } from '../../../src/ui/components/app.ts';
import { showStates } from './show-states.ts';
import {
  askedNetwork,
  busyMesh,
  crowdedMesh,
  id,
  own,
  previewed,
  servedNetwork,
  traced,
} from './view-events.ts';

/** Every state that the page can show, told as what happened: for component tests and for screenshots. */
const session = asSessionId('e'.repeat(32));

const device: Device = { name: 'Chrome on Linux', platform: 'Linux', memoryBytes: 2e9, missing: [] };
const entered = (changes: Partial<Device> = {}): PeerEvent => ({
  type: 'room-entered',
  room: 'amber-otter',
  link: 'https://peers.example:8443/#amber-otter.0123456789abcdefghjkmnpqrstvwxyz',
  device: { ...device, ...changes },
});
const ready: EngineState = {
  state: 'ready',
  name: 'tfjs-wasm',
  accuracy: 'f32',
  refused: [
    { name: 'tfjs-webgpu', reason: 'no adapter was found' },
    { name: 'tfjs-webgl', reason: 'its numbers differ from the reference by 0.4 % (tanh)' },
  ],
};
const mesh = (event: Extract<PeerEvent, { type: 'mesh' }>['event']): PeerEvent => ({ type: 'mesh', event });
const member = (value: Member): PeerEvent => mesh({ type: 'member', member: value });
const connected = (digit: string, name: string, serves = true): PeerEvent =>
  member({
    state: 'connected',
    id: id(digit),
    capabilities: {
      name,
      engine: serves ? 'tfjs-wasm' : 'none',
      accuracy: 'f32',
      memoryBytes: 5e8,
      platform: 'linux',
      serves,
    },
  });
const open = mesh({ type: 'signaling', state: 'open' });
const joined: readonly PeerEvent[] = [
  entered(),
  { type: 'engine', engine: ready },
  { type: 'joined', self: id('5') },
  open,
  { type: 'wake-lock', state: 'held' },
];
/** On a page over plain http, of a server that can be trusted. */
const insecure: readonly PeerEvent[] = [
  entered({
    name: 'Firefox on Android',
    memoryBytes: 5e8,
    missing: ['secure-context', 'threads', 'wake-lock'],
    trustUrl: 'http://peers.example:8443/trust#amber-otter.0123456789abcdefghjkmnpqrstvwxyz',
  }),
  { type: 'engine', engine: ready },
  { type: 'joined', self: id('5') },
  open,
  { type: 'wake-lock', state: 'unavailable' },
];
const company: readonly PeerEvent[] = [
  connected('a', 'Raspberry Pi 4 in the kitchen'),
  connected('b', 'Laptop', false),
  member({ state: 'connecting', id: id('c') }),
  member({ state: 'announced', id: id('d') }),
];
const loading = {
  type: 'work',
  event: {
    type: 'session-loading',
    session,
    epoch: 0,
    model: 'vgg16',
    loadedBytes: 31_400_000,
    totalBytes: 58_800_000,
    readyTiles: 1,
    tileCount: 3,
    elapsedMs: 6200,
  },
} as const satisfies PeerEvent;
/** All weights are there, seeded ones by the way, and the engine gets ready. */
const warming: PeerEvent = {
  type: 'work',
  event: { ...loading.event, seed: 1, loadedBytes: 58_800_000, readyTiles: 2, elapsedMs: 11_900 },
};
const working: readonly PeerEvent[] = [
  {
    type: 'work',
    event: {
      type: 'session-ready',
      session,
      epoch: 0,
      model: 'vgg16',
      seed: 1,
      opCount: 38,
      tiles: [
        {
          segment: 0,
          lane: 0,
          tile: 1,
          ops: [0, 10],
          firstOp: 'block1_conv1',
          lastOp: 'block2_pool',
          outputs: [
            {
              tensor: 'block2_pool',
              box: [
                [14, 28],
                [0, 56],
                [0, 128],
              ],
            },
          ],
          weightBytes: 1_040_000,
        },
        {
          segment: 4,
          lane: 0,
          tile: 1,
          ops: [33, 34],
          firstOp: 'fc1',
          lastOp: 'fc1',
          outputs: [{ tensor: 'fc1', box: [[1024, 2048]] }],
          weightBytes: 102_800_000,
        },
      ],
      part: 0.31,
    },
  },
  ...Array.from({ length: 42 }, (_, frame): PeerEvent => ({
    type: 'work',
    event: { type: 'tile-done', session, frame, segment: 0, tile: 1, computeMs: 180 + (frame % 7) * 4 },
  })),
];

const histories = {
  'no-room': [],
  'invalid-link': [
    {
      type: 'no-room',
      problem: {
        code: 'ROOM_LINK_INVALID',
        message: 'The part after # has no dot between room name and secret.',
      },
    },
  ],
  'room-created': [
    {
      type: 'room-created',
      link: 'https://peers.example:8443/#amber-otter.0123456789abcdefghjkmnpqrstvwxyz',
    },
  ],
  starting: [entered()],
  connecting: [entered(), { type: 'engine', engine: ready }],
  alone: joined,
  'plain-http': [
    entered({ name: 'Firefox on Android', memoryBytes: 5e8, missing: ['threads', 'wake-lock'] }),
    { type: 'engine', engine: ready },
    { type: 'joined', self: id('5') },
    open,
    { type: 'wake-lock', state: 'unavailable' },
  ],
  unconnected: [...joined, member({ state: 'announced', id: id('d') })],
  connected: [...joined, ...company],
  loading: [...joined, ...company, loading],
  warming: [...joined, ...company, loading, warming],
  working: [...joined, ...company, loading, ...working],
  problems: [
    ...joined,
    ...company,
    ...working,
    {
      type: 'work',
      event: {
        type: 'session-refused',
        session: asSessionId('f'.repeat(32)),
        error: new PeerceptronError(
          'PLAN_MEMORY',
          'this device offers 2000 MB, 104 MB are taken, and the plan needs 2210 MB',
        ),
      },
    },
  ],
  lost: [
    ...joined,
    ...company,
    mesh({
      type: 'signaling',
      state: 'lost',
      error: new PeerceptronError('SIGNALING_LOST', 'The server closed the connection (code 1006).'),
    }),
  ],
  'no-engine': [
    entered(),
    {
      type: 'engine',
      engine: {
        state: 'failed',
        problem: { code: 'ENGINE_UNAVAILABLE', message: 'All three engines were refused.' },
        refused: ready.refused,
      },
    },
  ],
  mesh: [...joined, ...busyMesh],
  'mesh-alone': joined,
  'mesh-of-30': [...joined, ...crowdedMesh],
  'mesh-unreachable': [
    ...joined,
    ...company,
    member({
      state: 'failed',
      id: id('c'),
      error: new PeerceptronError(
        'LINK_NO_ROUTE',
        'Both devices offered only hidden local addresses, and none of them answered within 15 s.',
      ),
    }),
  ],
  'network-none': joined,
  network: [...joined, ...busyMesh, ...askedNetwork],
  'network-served': [...joined, ...busyMesh, ...servedNetwork],
  'network-preview': [...joined, ...busyMesh, ...askedNetwork, previewed],
  'frames-none': joined,
  frames: [...joined, ...busyMesh, ...askedNetwork, ...traced],
  device: [
    ...joined,
    ...busyMesh,
    { type: 'measured', macsPerSecond: 2.1e9 },
    own({ type: 'battery', battery: { level: 0.73, charging: false } }),
  ],
  'device-plain-http': insecure,
  'device-starting': [entered()],
  'device-resting': [
    ...joined,
    ...busyMesh,
    own({ type: 'battery', battery: { level: 0.18, charging: false } }),
    own({ type: 'activity', activity: { state: 'paused', reason: 'battery' } }),
  ],
  'device-no-engine': [
    entered(),
    {
      type: 'engine',
      engine: {
        state: 'failed',
        problem: { code: 'ENGINE_UNAVAILABLE', message: 'All three engines were refused.' },
        refused: ready.refused,
      },
    },
  ],
  leaving: [...joined, ...company, own({ type: 'leaving' })],
  left: [...joined, ...company, ...working, own({ type: 'left' })],
  stopped: [
    ...joined,
    {
      type: 'stopped',
      problem: { code: 'ROOM_FULL', message: 'The room has 64 devices, and no more are let in.' },
    },
  ],
} satisfies Record<string, readonly PeerEvent[]>;

/** This device's part of what is shown to the room. */
const digitsWork: readonly PeerEvent[] = [
  {
    type: 'work',
    event: {
      type: 'session-ready',
      session,
      epoch: 0,
      model: 'digits',
      opCount: 24,
      tiles: [
        {
          segment: 0,
          lane: 0,
          tile: 0,
          ops: [0, 11],
          firstOp: 'conv1',
          lastOp: 'pool3',
          outputs: [
            {
              tensor: 'pool3',
              box: [
                [0, 8],
                [0, 8],
                [0, 32],
              ],
            },
          ],
          weightBytes: 43_360,
        },
      ],
      part: 0.52,
    },
  },
  ...Array.from({ length: 214 }, (_, frame): PeerEvent => ({
    type: 'work',
    event: { type: 'tile-done', session, frame, segment: 0, tile: 0, computeMs: 3 + (frame % 3) },
  })),
];

/** What is shown to the room is a state of its own, in a room with company. */
const shows = Object.fromEntries(
  showStates.map((name): [string, readonly PeerEvent[]] => [
    name,
    [
      ...(name === 'demo-camera-refused' ? insecure : joined),
      ...company,
      ...(name === 'demo-camera' || name === 'teach' ? digitsWork : []),
    ],
  ]),
);

export const peerStates: ReadonlyMap<string, PeerState> = new Map(
  Object.entries<readonly PeerEvent[]>({ ...histories, ...shows }).map(([name, events]) => [
    name,
    events.reduce(reducePeerState, initialPeerState),
  ]),
);

/** The view that a state is shown in: that of its name's first word, if there is one. */
export function viewOf(name: string): RoomView {
  const views: readonly RoomView[] = ['teach', 'mesh', 'network', 'frames', 'device'];
  return views.find((view) => name === view || name.startsWith(`${view}-`)) ?? 'demo';
}
