import type { Member } from '../../../src/mesh/mesh.ts';
import { alexnet } from '../../../src/models/alexnet.ts';
import { planBuilder } from '../../../src/planner/plan-builder.ts';
import type { Prediction } from '../../../src/planner/prediction.ts';
import { bands, channels, whole } from '../../../src/planner/splits.ts';
import type { Presence } from '../../../src/runtime/presence.ts';
import { asPeerId, asSessionId, type PeerId } from '../../../src/shared/ids.ts';
import type { AskedEvent, PlanWish } from '../../../src/ui/network-view/asked-state.ts';
import type { OwnDeviceEvent } from '../../../src/ui/join/own-device.ts';
import type { PeerEvent } from '../../../src/ui/peer-state.ts';
import { syntheticTrace } from '../../support/synthetic-trace.ts';
import { peerIdOf } from '../../support/memory-network.ts';

/** What the views of the mesh, the network and its frames show, told as what happened. */
export const id = (digit: string): PeerId => asPeerId(digit.repeat(32));
const session = asSessionId('e'.repeat(32));
const self = id('5');
const [pi, phone, laptop] = [id('a'), id('c'), id('d')];

export const connectedMember = (
  peer: PeerId,
  name: string,
  changes: Partial<Extract<Member, { state: 'connected' }>> = {},
): PeerEvent => ({
  type: 'mesh',
  event: {
    type: 'member',
    member: {
      state: 'connected',
      id: peer,
      capabilities: {
        name,
        engine: 'tfjs-wasm',
        accuracy: 'f32',
        memoryBytes: 5e8,
        platform: 'linux',
        serves: true,
      },
      ...changes,
    },
  },
});

export const presence = (peer: PeerId, changes: Partial<Presence> = {}): PeerEvent => ({
  type: 'presence',
  peer,
  presence: { load: 0, share: 1, framesPerSecond: 0, sent: [], work: [], ...changes },
});

const work = (start: number, end: number, part: number): Presence['work'] => [
  { model: 'alexnet', opCount: 25, ops: [[start, end]], part },
];

/** Four devices that work together, and one that is set aside. */
export const busyMesh: readonly PeerEvent[] = [
  connectedMember(pi, 'Raspberry Pi 4 in the kitchen', { route: 'direct' }),
  connectedMember(phone, 'Phone', { route: 'relayed' }),
  connectedMember(laptop, 'Laptop', { route: 'direct' }),
  connectedMember(id('f'), 'Old tablet', { route: 'direct' }),
  presence(self, {
    load: 0.32,
    framesPerSecond: 7.9,
    macsPerSecond: 2.1e9,
    sent: [
      [pi, 1_240_000],
      [phone, 480_000],
    ],
    work: work(0, 4, 0.24),
    setAside: [id('f')],
  }),
  presence(pi, {
    load: 0.94,
    framesPerSecond: 8,
    macsPerSecond: 7.4e8,
    sent: [[laptop, 830_000]],
    work: work(4, 14, 0.41),
  }),
  presence(phone, {
    load: 0.55,
    share: 0.5,
    framesPerSecond: 8.1,
    macsPerSecond: 1.6e9,
    battery: { level: 0.64, charging: false },
    sent: [[laptop, 510_000]],
    work: work(4, 14, 0.27),
  }),
  presence(laptop, {
    load: 0.18,
    framesPerSecond: 8,
    macsPerSecond: 6.2e9,
    battery: { level: 0.91, charging: true },
    sent: [[self, 3900]],
    work: work(14, 25, 0.08),
  }),
  { type: 'mesh', event: { type: 'member', member: { state: 'announced', id: id('9') } } },
  { type: 'mesh', event: { type: 'member-left', id: id('9') } },
];

/** As many as the picture is made for. */
export const crowdedMesh: readonly PeerEvent[] = Array.from({ length: 29 }, (_, index) => {
  const peer = peerIdOf(index + 1);
  const next = index === 28 ? self : peerIdOf(index + 2);
  return [
    connectedMember(peer, `Raspberry Pi ${index + 1}`),
    presence(peer, { load: (index % 10) / 10, sent: [[next, 10 ** (2 + (index % 5))]], framesPerSecond: 12 }),
  ];
}).flat();

const graph = alexnet();
const through = (op: string): string => graph.nodes.find(({ id: name }) => name.startsWith(op))!.id;
const plan = planBuilder(graph)
  .segment({ through: through('pool1'), split: whole(0) })
  .segment({ through: through('pool5'), split: bands({ axis: 'height', peers: [1, 2], shares: [3, 2] }) })
  .segment({ through: through('fc6'), split: channels({ peers: [3, 0], shares: [3, 1] }) })
  .segment({ split: whole(3) })
  .plan({ session, epoch: 1, peers: [self, pi, phone, laptop] });
const fewer = planBuilder(graph)
  .segment({ through: through('pool5'), split: bands({ axis: 'height', peers: [0, 1] }) })
  .segment({ split: whole(1) })
  .plan({ session, epoch: 1, peers: [self, laptop] });

const predicted = (latencyMs: number, framesPerSecond: number): Prediction => ({
  latencyMs,
  framesPerSecond,
  loadedLatencyMs: latencyMs * 1.3,
  window: 3,
  devices: [],
  bottleneck: { kind: 'compute', peer: pi, share: 0.93 },
  timeline: plan.segments.flatMap(({ lanes }, segment) =>
    lanes[0]!.tiles.map(({ peer, outputs }, tile) => ({
      segment,
      lane: 0,
      tile,
      peer,
      outputs,
      startMs: segment * 40,
      endMs: segment * 40 + 22 + 4 * tile,
    })),
  ),
});

const asked = (event: AskedEvent): PeerEvent => ({ type: 'asked', event });
const wish: PlanWish = { objective: { kind: 'latency' }, without: [] };
export const askedNetwork: readonly PeerEvent[] = [
  asked({
    type: 'planned',
    session,
    graph,
    plan,
    wish,
    prediction: predicted(142, 8.2),
    candidates: [
      { id: self, name: 'this device' },
      { id: pi, name: 'Raspberry Pi 4 in the kitchen' },
      { id: phone, name: 'Phone' },
      { id: laptop, name: 'Laptop' },
    ],
  }),
  asked({
    type: 'timed',
    epoch: 1,
    tileMs: new Map([
      ['0/0/0', 24.1],
      ['1/0/0', 61.3],
      ['1/0/1', 38.8],
      ['2/0/0', 9.4],
      ['2/0/1', 7.7],
      ['3/0/0', 2.9],
    ]),
  }),
];

export const previewed: PeerEvent = asked({
  type: 'preview',
  preview: {
    state: 'ready',
    wish: { objective: { kind: 'throughput' }, without: [phone] },
    answer: {
      plan: fewer,
      expected: predicted(171, 11.4),
      running: predicted(142, 8.2),
      gain: 11.4 / 8.2,
      leftOut: [
        { peer: pi, explanation: 'in the best plan with it a frame takes 188 ms, without it 171 ms' },
      ],
    },
  },
});

/** Of a pipeline over two devices, whose names the room knows. */
export const traced: readonly PeerEvent[] = (() => {
  const trace = syntheticTrace({ computeMs: [12, 31], transferMs: [4, 9, 2], frames: 6, window: 2 });
  const renamed = JSON.parse(
    JSON.stringify(trace)
      .replaceAll(peerIdOf(0), self)
      .replaceAll(peerIdOf(1), pi)
      .replaceAll(peerIdOf(2), laptop),
  ) as typeof trace;
  return [asked({ type: 'traced', trace: renamed })];
})();

export const own = (event: OwnDeviceEvent): PeerEvent => ({ type: 'own-device', event });

/** A network that another device has started, of which this one computes a part. */
export const servedNetwork: readonly PeerEvent[] = [
  {
    type: 'work',
    event: {
      type: 'session-ready',
      session,
      epoch: 1,
      model: 'alexnet',
      opCount: graph.nodes.length,
      tiles: [
        {
          segment: 0,
          lane: 0,
          tile: 0,
          ops: plan.segments[0]!.ops,
          firstOp: graph.nodes[0]!.id,
          lastOp: through('pool1'),
          outputs: plan.segments[0]!.lanes[0]!.tiles[0]!.outputs,
          weightBytes: 140_000,
        },
      ],
      part: 0.14,
    },
  },
  { type: 'network', session, network: { graph, plan } },
];
