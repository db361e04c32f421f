import { afterEach, describe, expect, it } from 'vitest';
import { createReferenceEngine } from '../../../../src/engine/reference.ts';
import { shapeSize } from '../../../../src/graph/box.ts';
import { weightShapes } from '../../../../src/graph/shapes.ts';
import { systemClock } from '../../../../src/mesh/system-clock.ts';
import { pipelinePlan } from '../../../../src/planner/pipeline-plan.ts';
import { parseControlMessage, type ControlMessage } from '../../../../src/protocol/messages.ts';
import { MAX_SPANS_PER_MESSAGE, PEER_STAGES } from '../../../../src/protocol/trace-span.ts';
import { RuntimeNode, type ServingRole } from '../../../../src/runtime/runtime-node.ts';
import { servePeer } from '../../../../src/runtime/serve-peer.ts';
import { openSession, type Session } from '../../../../src/runtime/session.ts';
import type { PieceSpan, TraceWish } from '../../../../src/runtime/trace/trace.ts';
import type { Clock } from '../../../../src/shared/clock.ts';
import type { ErrorCode } from '../../../../src/shared/errors.ts';
import { asSessionId } from '../../../../src/shared/ids.ts';
import { seededRandom } from '../../../../src/shared/random.ts';
import type { PeerChannel } from '../../../../src/transport/channel.ts';
import { memorySource } from '../../../../src/weights/memory-source.ts';
import { MemoryRoom, peerIdOf } from '../../../support/memory-network.ts';
import { normals } from '../../../support/random.ts';
import { lenet } from '../../../support/small-networks.ts';

const coded = (code: ErrorCode): Error => expect.objectContaining({ code }) as Error;

const graph = lenet();
const random = seededRandom(5);
const weights = memorySource(
  [...weightShapes(graph)].map(([name, shape]) => ({
    name,
    shape,
    data: normals(random, shapeSize(shape), 0.2),
  })),
);
const frame = (): Float32Array[] => [normals(random, shapeSize(graph.inputs[0]!.shape))];
const session = asSessionId('d'.repeat(32));

/** Clocks of different devices start anywhere. */
const ahead = (ms: number): Clock => ({
  now: () => systemClock.now() + ms,
  after: (delayMs, callback) => systemClock.after(delayMs, callback),
});

const undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

async function open(trace: TraceWish) {
  const room = new MemoryRoom();
  const requester = new RuntimeNode(room.join(peerIdOf(0)));
  const prepared: ControlMessage[] = [];
  const channels: PeerChannel[] = [];
  for (const index of [1, 2, 3]) {
    const node = new RuntimeNode(room.join(peerIdOf(index)));
    const serveRole = node.serve.bind(node);
    node.serve = (role?: ServingRole) => {
      serveRole(
        role && {
          onControl: (channel, message) => {
            channels[index] = channel;
            if (message.type === 'prepare') prepared.push(message);
            role.onControl(channel, message);
          },
          onStream: (...args) => role.onStream(...args),
          onChannelClosed: (...args) => role.onChannelClosed(...args),
        },
      );
    };
    const service = servePeer({
      node,
      engine: createReferenceEngine(),
      memoryBytes: 1e9,
      clock: ahead(index * 1e6),
    });
    undo.push(() => service.close());
  }
  const peers = [1, 2, 3].map((index) => ({ id: peerIdOf(index), speed: 1 }));
  const plan = pipelinePlan({ graph, session, epoch: 0, peers });
  const opened: Session = await openSession({
    node: requester,
    graph,
    weights,
    plan,
    clock: systemClock,
    ...(trace ? { trace } : {}),
  });
  undo.push(() => opened.close());
  return { session: opened, prepared, channels };
}

describe('a traced session', () => {
  it('[TR2] shows every stage of every frame on one time axis, whatever the clocks of the peers show', async () => {
    const { session } = await open(true);
    const results = await Promise.all([1, 2, 3, 4, 5].map(() => session.run(frame())));
    const trace = await session.trace();

    expect(trace.devices.map(({ peer }) => peer)).toEqual([1, 2, 3].map(peerIdOf));
    for (const [index, device] of trace.devices.entries()) {
      expect(device.lostSpans).toBe(0);
      expect(Math.abs(device.clockOffsetMs - (index + 1) * 1e6)).toBeLessThanOrEqual(device.clockErrorMs);
    }
    const errorOf = (peer: string): number =>
      trace.devices.find((device) => device.peer === peer)?.clockErrorMs ?? 0;
    for (const result of results) {
      const spans = trace.spans.filter((span) => span.frame === result.frame);
      const whole = spans.find(({ stage }) => stage === 'frame')!;
      expect(whole.endMs - whole.startMs).toBeCloseTo(result.latencyMs, 6);
      for (const { peer, segment, computeMs } of result.tiles) {
        const own = spans.filter((span) => span.device === peer);
        expect(new Set(own.map(({ stage }) => stage))).toEqual(new Set(PEER_STAGES));
        const [compute, ...others] = own.filter((span) => span.stage === 'compute');
        expect(others).toEqual([]);
        expect(compute).toMatchObject({ segment, lane: 0, tile: 0 });
        expect(compute!.endMs - compute!.startMs).toBeCloseTo(computeMs, 6);
      }
      const pieces = spans.filter((span): span is PieceSpan => 'piece' in span);
      const sends = pieces.filter(({ stage }) => stage === 'send');
      expect(sends).toHaveLength(4);
      for (const send of sends) {
        const receive = pieces.find(({ stage, segment }) => stage === 'receive' && segment === send.segment)!;
        expect(send).toMatchObject({
          from: send.device,
          to: receive.device,
          sizeBytes: receive.sizeBytes,
        });
        const slackMs = errorOf(send.from) + errorOf(send.to) + 1e-6;
        expect(receive.startMs).toBeGreaterThanOrEqual(send.startMs - slackMs);
        expect(receive.endMs).toBeLessThanOrEqual(whole.endMs + slackMs);
      }
    }
  });

  it('keeps the latest frames of a long session, whole, and counts the others as wanted no more', async () => {
    const { session } = await open({ lastFrames: 8 });
    for (let count = 0; count < 100; count += 1) await session.run(frame());
    const trace = await session.trace();
    const finished = trace.spans.filter(({ stage }) => stage === 'frame').map((span) => span.frame);
    expect(finished.length).toBeGreaterThanOrEqual(8);
    expect(finished.length).toBeLessThanOrEqual(17);
    expect(finished.at(-1)).toBe(99);
    expect(new Set(trace.spans.map((span) => span.frame))).toEqual(new Set(finished));
    for (const { lostSpans } of trace.devices) expect(lostSpans).toBe(0);
    expect(trace.lostSpans).toBe(0);
    const last = trace.spans.filter((span) => span.frame === 99);
    expect(new Set(last.map(({ stage }) => stage))).toEqual(new Set([...PEER_STAGES, 'admit', 'frame']));
    // Asked again it says the same, and goes on.
    await session.run(frame());
    expect((await session.trace()).spans.some((span) => span.frame === 100)).toBe(true);
  });

  it('[TR1] nothing is recorded and no message grows where none was asked for', async () => {
    const { session, prepared } = await open(false);
    await session.run(frame());
    expect(prepared).toHaveLength(3);
    for (const message of prepared) expect(message).not.toHaveProperty('trace');
    await expect(session.trace()).rejects.toThrowError(coded('USAGE'));
  });

  it('gives what it has when a peer is lost before it handed over its spans', async () => {
    const { session, channels } = await open(true);
    await session.run(frame());
    channels[2]!.close();
    const trace = await session.trace();
    expect(trace.spans.some(({ device }) => device === peerIdOf(1))).toBe(true);
    expect(trace.spans.some(({ device }) => device === peerIdOf(3))).toBe(true);
  });
});

const compute = PEER_STAGES.indexOf('compute');
const send = PEER_STAGES.indexOf('send');
const message = (spans: unknown): unknown => ({ type: 'trace', session, epoch: 0, spans, lost: 0 });

describe('hostile spans', () => {
  it.each([
    ['an unknown stage', [PEER_STAGES.length, 0, 0, 0, 0, 0, 1, 2, 0]],
    ['an end before the start', [compute, 0, 0, 0, 0, 0, 2, 1, 0]],
    ['a time that is no number', [compute, 0, 0, 0, 0, 0, Number.NaN, 1, 0]],
    ['a time without end', [compute, 0, 0, 0, 0, 0, 1, Infinity, 0]],
    ['negative bytes', [compute, 0, 0, 0, 0, 0, 1, 2, -1]],
    ['a number too few', [compute, 0, 0, 0, 0, 0, 1, 2]],
    ['a broken frame number', [compute, 0.5, 0, 0, 0, 0, 1, 2, 0]],
  ])('[TR3] %s is malformed', (_, span) => {
    expect(() => parseControlMessage(message([span]))).toThrowError(coded('PROTOCOL_MALFORMED'));
    expect(() => parseControlMessage(message([[compute, 0, 0, 0, 0, 0, 1, 2, 0]]))).not.toThrow();
  });

  it('[TR3] more than a batch is malformed', () => {
    const many = new Array(MAX_SPANS_PER_MESSAGE + 1).fill([compute, 0, 0, 0, 0, 0, 1, 2, 0]);
    expect(() => parseControlMessage(message(many))).toThrowError(coded('PROTOCOL_MALFORMED'));
  });

  it.each([
    ["another peer's tile", [compute, 0, 0, 0, 0, 0, 1, 2, 0]],
    ['a segment that is not in the plan', [compute, 0, 99, 0, 0, 0, 1, 2, 0]],
    ['a piece that is not in the plan', [send, 0, 2, 0, 0, 99, 1, 2, 0]],
    ['a piece that another peer sends', [send, 0, 1, 0, 0, 0, 1, 2, 0]],
  ])('[TR4] %s ends the link', async (_, span) => {
    const { session, channels } = await open(true);
    await session.run(frame());
    const channel = channels[2]!;
    channel.sendControl(parseControlMessage(message([span])));
    expect(await channel.closed).toMatchObject({ code: 'PROTOCOL_MALFORMED' });
  });

  it('[TR4] a trace or a clock that nobody asked for ends the link', async () => {
    for (const unasked of [message([]), { type: 'clock', session, epoch: 0, nonce: 1, nowMs: 1 }]) {
      const { channels } = await open(false);
      channels[1]!.sendControl(parseControlMessage(unasked));
      expect(await channels[1]!.closed).toMatchObject({ code: 'PROTOCOL_MALFORMED' });
    }
  });

  it('[TR4] frames that were never run and times outside of the session are counted, and left out', async () => {
    const { session, channels } = await open(true);
    await session.run(frame());
    const future = 1e6 + systemClock.now() + 3_600_000;
    channels[1]!.sendControl(
      parseControlMessage(
        message([
          [compute, 4711, 0, 0, 0, 0, 1, 2, 0],
          [compute, 0, 0, 0, 0, 0, 1, 2, 0],
          [compute, 0, 0, 0, 0, 0, future, future + 1, 0],
        ]),
      ),
    );
    const trace = await session.trace();
    expect(trace.devices[0]).toMatchObject({ peer: peerIdOf(1), lostSpans: 3 });
    const computed = trace.spans.filter(({ stage, device }) => stage === 'compute' && device === peerIdOf(1));
    expect(computed).toHaveLength(1);
  });
});
