import { describe, expect, it } from 'vitest';
import { fullBox } from '../../../src/graph/box.ts';
import type { Graph } from '../../../src/graph/graph.ts';
import { systemClock } from '../../../src/mesh/system-clock.ts';
import type { PlanChoice, PlanRequest } from '../../../src/planner/choice.ts';
import type { Plan } from '../../../src/planner/plan.ts';
import type { DeviceProfile } from '../../../src/planner/profile.ts';
import { parseControlMessage } from '../../../src/protocol/messages.ts';
import { MAX_PROBE_BYTES } from '../../../src/protocol/survey-message.ts';
import type { ConnectionProcessor } from '../../../src/runtime/measure-link.ts';
import { offerProfile } from '../../../src/runtime/profile-service.ts';
import { RuntimeNode } from '../../../src/runtime/runtime-node.ts';
import { Survey, type SurveyEvent, type SurveyPeer } from '../../../src/runtime/survey.ts';
import { asSessionId, type PeerId } from '../../../src/shared/ids.ts';
import { MemoryRoom, peerIdOf, type MemoryMember } from '../../support/memory-network.ts';
import { profileOf, testProfile } from '../../support/test-profile.ts';

const requesterId = peerIdOf(9);
const graph: Graph = {
  name: 'chain',
  inputs: [{ id: 'x', shape: [4] }],
  nodes: ['a', 'b', 'c'].map((id, index) => ({
    id,
    op: { kind: 'activation', function: 'relu' },
    inputs: [index === 0 ? 'x' : 'ab'[index - 1]!],
    weights: {},
  })),
  outputs: ['c'],
};

/** One op per peer. */
const chainOver = (peers: readonly PeerId[]): Plan => ({
  session: asSessionId('1'.repeat(32)),
  epoch: 0,
  model: 'chain',
  segments: peers.map((peer, index) => ({
    ops: index === peers.length - 1 ? [index, 3] : [index, index + 1],
    lanes: [
      { share: 1, tiles: [{ peer, outputs: [{ tensor: index === peers.length - 1 ? 'c' : 'abc'[index]!, box: fullBox([4]) }] }] },
    ],
  })),
}); // prettier-ignore

const choiceOf = (plan: Plan): PlanChoice => ({
  plan,
  prediction: {
    latencyMs: 1,
    framesPerSecond: 1,
    loadedLatencyMs: 1,
    window: 1,
    devices: [],
    bottleneck: { kind: 'latency', share: 0 },
    timeline: [],
  },
  objective: { kind: 'latency' },
  leftOut: [],
  candidates: 1,
});

const request: Omit<PlanRequest, 'world'> = {
  graph,
  session: asSessionId('1'.repeat(32)),
  epoch: 0,
  objective: { kind: 'latency' },
};

interface Serving {
  readonly member: MemoryMember;
  readonly node: RuntimeNode;
}

function openRoom(profiles: readonly (() => Promise<DeviceProfile>)[], processor?: ConnectionProcessor) {
  const room = new MemoryRoom();
  const serving = profiles.map((profile, index): Serving => {
    const member = room.join(peerIdOf(index + 1));
    const node = new RuntimeNode(member);
    offerProfile({ node, clock: systemClock, profile, processor });
    return { member, node };
  });
  const requester = room.join(requesterId);
  const node = new RuntimeNode(requester);
  const events: SurveyEvent[] = [];
  const survey = new Survey({
    node,
    clock: systemClock,
    transport: testProfile.transport,
    processor,
    onEvent: (event) => events.push(event),
  });
  const peers = serving.map(({ member }, index): SurveyPeer => ({
    id: member.self,
    name: `peer ${index + 1}`,
    accuracy: 'f32',
    memoryBytes: 1e9,
  }));
  return { room, serving, requester, node, survey, peers, events };
}

const measuredLinks = (events: readonly SurveyEvent[]): string[] =>
  events.flatMap((event) =>
    event.type === 'link-measured'
      ? [`${Number(`0x${event.link.from}`)}→${Number(`0x${event.link.to}`)}`]
      : [],
  );

describe('a survey', () => {
  it('[SUR1] asks every peer for its profile, once per connection', async () => {
    let asked = 0;
    const world = openRoom([
      async () => {
        asked += 1;
        return profileOf(1);
      },
      async () => profileOf(3),
    ]);
    const devices = await world.survey.devices(world.peers);
    await world.survey.devices(world.peers);
    expect(devices.map(({ profile }) => profile)).toEqual([profileOf(1), profileOf(3)]);
    expect(devices.map(({ id }) => id)).toEqual(world.peers.map(({ id }) => id));
    expect(asked).toBe(1);
  });

  it('[SUR3] has bytes cost what they take of the processors that a device may use', async () => {
    let usedMs = 0;
    // 200 ms of half a processor for each burst of measurements, whatever its size.
    const processor = { usedMs: () => (usedMs += 200), cores: () => 0.5 };
    const world = openRoom([async () => profileOf(1)], processor);
    const devices = await world.survey.devices(world.peers);
    const links = [
      { from: requesterId, to: peerIdOf(1) },
      { from: peerIdOf(1), to: requesterId },
    ];
    await world.survey.measure(links);
    const { requester, devices: known } = world.survey.world(devices);
    for (const { transport } of [requester, known[0]!.profile]) {
      expect(transport.sendMsPerByte).toBeGreaterThanOrEqual(400 / MAX_PROBE_BYTES);
      expect(transport.receiveMsPerByte).toBe(transport.sendMsPerByte);
    }
  });

  it('[SUR1] waits for a device that still measures itself', async () => {
    let measured: (profile: DeviceProfile) => void = () => undefined;
    const world = openRoom([() => new Promise((resolve) => (measured = resolve))]);
    const devices = world.survey.devices(world.peers);
    // The question is there by now, the answer is not.
    await world.node.questions.ping(await world.node.channel(peerIdOf(1)), systemClock, 1000);
    measured(profileOf(2));
    expect((await devices)[0]!.profile).toEqual(profileOf(2));
  });

  it('[SUR2] does without peers that offer no profile, fail at it, or cannot be reached', async () => {
    const world = openRoom([async () => profileOf(1), () => Promise.reject(new Error('engine lost'))]);
    const dumb = new RuntimeNode(world.room.join(peerIdOf(3)));
    expect(dumb.serves).toBe(false);
    const others = [3, 4].map((index) => ({ ...world.peers[0]!, id: peerIdOf(index) }));
    const devices = await world.survey.devices([...world.peers, ...others]);
    expect(devices.map(({ id }) => id)).toEqual([peerIdOf(1)]);
    const silent = world.events.flatMap((event) =>
      event.type === 'device-silent' ? [[event.peer, event.error.code]] : [],
    );
    expect(silent).toEqual(
      expect.arrayContaining([
        [peerIdOf(2), 'INTERNAL'],
        [peerIdOf(3), 'SESSION_REFUSED'],
        [peerIdOf(4), 'LINK_NO_ROUTE'],
      ]),
    );
  });

  it('[SUR3] measures the links that the chosen plan uses, and chooses again until all of them are measured', async () => {
    const world = openRoom([1, 1, 1].map((slowness) => async () => profileOf(slowness)));
    const devices = await world.survey.devices(world.peers);
    const ids = world.peers.map(({ id }) => id);
    const requests: PlanRequest[] = [];
    // A chooser that tries another plan as soon as it knows more, and then stays with it.
    const plans = [
      chainOver([ids[0]!, ids[1]!]),
      chainOver([ids[0]!, ids[1]!, ids[2]!]),
      chainOver([ids[0]!, ids[1]!, ids[2]!]),
    ];
    const choice = await world.survey.plan(devices, request, (asked) => {
      requests.push(asked);
      return choiceOf(plans[requests.length - 1]!);
    });
    expect(choice.plan).toBe(plans[2]);
    expect(measuredLinks(world.events)).toEqual(['9→1', '1→2', '2→9', '2→3', '3→9']);
    // The first choice knew nothing of the link between the peers, the last one what was measured.
    const measured = world.events.find(
      (event) => event.type === 'link-measured' && event.link.from === ids[0],
    );
    const goodput = measured?.type === 'link-measured' ? measured.profile.bytesPerMs : undefined;
    expect(requests[0]!.world.link(ids[0]!, ids[1]!).bytesPerMs).not.toBe(goodput);
    expect(requests[2]!.world.link(ids[0]!, ids[1]!).bytesPerMs).toBe(goodput);
    // One that was never used is not measured.
    expect(world.survey.isMeasured({ from: ids[2]!, to: ids[0]! })).toBe(false);
  });

  it('[SUR3] measures small messages anew for a plan with far fewer links, and then no more', async () => {
    const world = openRoom([1, 2, 3, 4].map((slowness) => async () => profileOf(slowness)));
    const devices = await world.survey.devices(world.peers);
    const ids = world.peers.map(({ id }) => id);
    let pings = 0;
    const ping = world.node.questions.ping.bind(world.node.questions);
    world.node.questions.ping = (...parameters) => {
      pings += 1;
      return ping(...parameters);
    };
    const alone = chainOver(ids.slice(0, 1));
    const plans = [alone, chainOver(ids.slice(0, 3)), alone];
    let chosen = 0;
    const pingsAt: number[] = [];
    const choose = (): PlanChoice => {
      pingsAt.push(pings);
      return choiceOf(plans[Math.min(chosen++, 2)]!);
    };
    await world.survey.plan(devices, request, choose);
    // Alone, over three, alone again with links that were measured among those of three, and as it is alone.
    expect(chosen).toBe(4);
    expect(pingsAt[3]).toBeGreaterThan(pingsAt[2]!);
    await world.survey.plan(devices, request, choose);
    // Others were measured among four, and are taken as they would be among two.
    expect(chosen).toBe(6);
    expect(pings).toBe(pingsAt[3]);
  });

  it('[SUR3] judges plans by what messages take among as many links as theirs', async () => {
    const world = openRoom([1, 1, 1, 1].map((slowness) => async () => profileOf(slowness)));
    const devices = await world.survey.devices(world.peers);
    const ids = world.peers.map(({ id }) => id);
    const ping = world.node.questions.ping.bind(world.node.questions);
    let busy = 0;
    // Every link that is busy at a time adds 10 ms to each message.
    world.node.questions.ping = async (...parameters) => {
      busy += 1;
      await ping(...parameters);
      await Promise.resolve();
      const tookMs = 10 * busy;
      busy -= 1;
      return tookMs;
    };
    const first = (peers: readonly PeerId[]): number => {
      const world_ = world.survey.world(devices, peers.length);
      return world_.link(requesterId, peers[0]!).roundTripMs;
    };
    const direct = ids.map((to) => ({ from: requesterId, to }));
    await world.survey.measure(direct);
    const measured = world.survey.world(devices).link(requesterId, ids[0]!).roundTripMs;
    expect(measured).toBeGreaterThan(10);
    expect(first(ids.slice(0, 1))).toBe(10);
    expect(first(ids)).toBe(measured);
    expect(first(ids.slice(0, 2))).toBeCloseTo(10 + (measured - 10) / 3, 9);
  });

  it('[SUR3] goes by a guess where a link cannot be measured, and does not ask for it again', async () => {
    const world = openRoom([1, 1].map((slowness) => async () => profileOf(slowness)));
    world.room.separate(peerIdOf(1), peerIdOf(2));
    const devices = await world.survey.devices(world.peers);
    let choices = 0;
    const plan = chainOver([peerIdOf(1), peerIdOf(2)]);
    await world.survey.plan(devices, request, () => {
      choices += 1;
      return choiceOf(plan);
    });
    expect(choices).toBe(2);
    const failed = world.events.flatMap((event) =>
      event.type === 'link-unmeasured' ? [event.error.code] : [],
    );
    expect(failed).toEqual(['LINK_NO_ROUTE']);
    await world.survey.plan(devices, request, () => choiceOf(plan));
    expect(world.events.filter(({ type }) => type === 'link-unmeasured')).toHaveLength(1);
    const { bytesPerMs } = world.survey.world(devices).link(peerIdOf(1), peerIdOf(2));
    expect(bytesPerMs).toBeGreaterThan(0);
    expect(bytesPerMs).toBeLessThanOrEqual(testProfile.transport.uplinkBytesPerMs);
  });

  it('guesses more cautiously than what it has seen', async () => {
    const world = openRoom([1, 1].map((slowness) => async () => profileOf(slowness)));
    const devices = await world.survey.devices(world.peers);
    const [a, b] = [peerIdOf(1), peerIdOf(2)];
    const blind = world.survey.world(devices).link(a, b);
    expect(blind.bytesPerMs).toBeLessThan(testProfile.transport.uplinkBytesPerMs);
    await world.survey.measure([{ from: requesterId, to: a }]);
    const known = world.survey.world(devices).link(requesterId, a);
    const guessed = world.survey.world(devices).link(a, b);
    expect(guessed.bytesPerMs).toBeLessThan(known.bytesPerMs);
    expect(guessed.roundTripMs).toBeGreaterThanOrEqual(known.roundTripMs);
  });

  it('adds what a piece was seen to take the connection to what it takes the runtime', async () => {
    const world = openRoom([1, 1].map((slowness) => async () => profileOf(slowness)));
    const devices = await world.survey.devices(world.peers);
    const [a, b] = [peerIdOf(1), peerIdOf(2)];
    await world.survey.measure([{ from: a, to: b }]);
    const { pieceMs } = world.survey.world(devices).link(a, b);
    expect(pieceMs).toBeGreaterThanOrEqual(0);
    const pieceMsOf = (peer: PeerId): number =>
      world.survey.world(devices).devices.find(({ id }) => id === peer)!.profile.transport.pieceMs;
    expect(pieceMsOf(a)).toBeCloseTo(pieceMs! + testProfile.transport.pieceMs, 9);
    // Nothing was sent from there.
    expect(pieceMsOf(b)).toBe(testProfile.transport.pieceMs);
  });

  it('asks for a profile anew when somebody else asks: a device may give another part of itself', async () => {
    let slowness = 1;
    const world = openRoom([async () => profileOf(slowness++)]);
    const again = new Survey({ node: world.node, clock: systemClock, transport: testProfile.transport });
    const [first] = await world.survey.devices(world.peers);
    const [second] = await again.devices(world.peers);
    expect([first!.profile, second!.profile]).toEqual([profileOf(1), profileOf(2)]);
  });

  it('[SUR4] sends no more than 1 MiB over a link, at the priority of weights', async () => {
    const world = openRoom([async () => profileOf(1)]);
    const channel = await world.node.channel(peerIdOf(1));
    let bytes = 0;
    const priorities = new Set<string>();
    const send = channel.sendStream.bind(channel);
    channel.sendStream = (meta, data, options) => {
      bytes += 'totalBytes' in data ? data.totalBytes : data.length;
      priorities.add(`${meta.kind} ${options.priority}`);
      return send(meta, data, options);
    };
    await world.survey.measure([{ from: requesterId, to: peerIdOf(1) }]);
    expect(bytes).toBe(MAX_PROBE_BYTES);
    expect([...priorities]).toEqual(['probe weight']);
  });

  it('[SUR4] refuses probes that are larger', async () => {
    const world = openRoom([async () => profileOf(1)]);
    const channel = await world.node.channel(peerIdOf(1));
    const sending = channel.sendStream({ kind: 'probe' }, new Uint8Array(MAX_PROBE_BYTES + 1), {
      priority: 'weight',
    });
    await expect(sending).rejects.toMatchObject({ code: 'STREAM_CANCELLED' });
    await expect(world.node.questions.ping(channel, systemClock, 1000)).resolves.toBeGreaterThanOrEqual(0);
  });

  it('[SUR5] takes an answer only from whom it asked, and no answer for what it did not ask', async () => {
    let measured: (profile: DeviceProfile) => void = () => undefined;
    const world = openRoom([() => new Promise((resolve) => (measured = resolve)), async () => profileOf(5)]);
    const asked = world.survey.devices([world.peers[0]!]);
    const stranger = await world.serving[1]!.node.channel(requesterId);
    for (let id = 0; id < 20; id++)
      stranger.sendControl({ type: 'profile', request: id, profile: profileOf(0.001) });
    await world.serving[1]!.node.questions.ping(stranger, systemClock, 1000);
    measured(profileOf(2));
    expect((await asked)[0]!.profile).toEqual(profileOf(2));
  });

  it('[SUR5] learns of the end of a channel that it waits for', async () => {
    const world = openRoom([() => new Promise(() => undefined)]);
    const devices = world.survey.devices(world.peers);
    await world.node.questions.ping(await world.node.channel(peerIdOf(1)), systemClock, 1000);
    world.room.kill(peerIdOf(1));
    expect(await devices).toEqual([]);
    expect(world.events).toMatchObject([{ type: 'device-silent', error: { code: 'LINK_LOST' } }]);
  });

  it('[SUR6] has hostile profiles refused where they arrive', () => {
    const message = (profile: unknown): unknown => ({ type: 'profile', request: 1, profile });
    expect(parseControlMessage(message(testProfile)).type).toBe('profile');
    for (const profile of [
      { ...testProfile, tileMs: -1 },
      { ...testProfile, rates: { ...testProfile.rates, dense: { stepMs: 0, msPerMac: 0, msPerByte: 0 } } },
      { ...testProfile, transport: { ...testProfile.transport, uplinkBytesPerMs: 1e300 } },
    ]) {
      expect(() => parseControlMessage(message(profile))).toThrow(
        expect.objectContaining({ code: 'PROTOCOL_MALFORMED' }),
      );
    }
    const link = { type: 'link', request: 1, roundTripMs: 1, bytesPerMs: 0 };
    expect(() => parseControlMessage(link)).toThrow(expect.objectContaining({ code: 'PROTOCOL_MALFORMED' }));
  });

  it('[SUR7] measures for one asker at most 64 links at a time, and none to itself', async () => {
    const world = openRoom([async () => profileOf(1)]);
    const channel = await world.node.channel(peerIdOf(1));
    const ask = (peer: PeerId): Promise<unknown> =>
      world.node.questions.ask(channel, { type: 'measure-link', peer }, systemClock, 5000).then(
        ({ type }) => type,
        (error: { code: string }) => error.code,
      );
    expect(await ask(peerIdOf(1))).toBe('PROTOCOL_MALFORMED');
    const answers = await Promise.all(Array.from({ length: 70 }, () => ask(peerIdOf(7))));
    expect(answers.filter((code) => code === 'LINK_NO_ROUTE')).toHaveLength(64);
    expect(answers.filter((code) => code === 'PROTOCOL_LIMIT')).toHaveLength(6);
  });
});
