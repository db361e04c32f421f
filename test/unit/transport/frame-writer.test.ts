import { describe, expect, it } from 'vitest';
import { decodeFrames, HEADER_BYTES } from '../../../src/protocol/frame.ts';
import { PeerceptronError } from '../../../src/shared/errors.ts';
import { seededRandom } from '../../../src/shared/random.ts';
import { FrameWriter } from '../../../src/transport/frame-writer.ts';
import { FakeClock } from '../mesh/fake-clock.ts';

const bytes = (length: number): Uint8Array => new Uint8Array(length).fill(7);

/** A writer, the messages that its link was given, and the end of the task. */
function world(maxMessageBytes = 256 * 1024) {
  const messages: Uint8Array[] = [];
  const failures: string[] = [];
  const deferred: (() => void)[] = [];
  const clock = new FakeClock();
  let isDead = false;
  const writer = new FrameWriter({
    link: {
      maxMessageBytes,
      send: (message) => {
        if (isDead) throw new PeerceptronError('LINK_CLOSED', 'the link is closed');
        messages.push(message.slice());
      },
      onMessage: undefined,
      onClose: undefined,
      close: () => undefined,
    },
    clock,
    defer: (callback) => deferred.push(callback),
    onFailure: ({ code }) => failures.push(code),
  });
  return {
    writer,
    clock,
    failures,
    endTask: () => {
      for (const callback of deferred.splice(0)) callback();
    },
    die: () => (isDead = true),
    /** Sizes of the payloads, by message. */
    sent: () => messages.map((message) => [...decodeFrames(message)].map(({ payload }) => payload.length)),
    sequence: () => messages.flatMap((message) => [...decodeFrames(message)].map(({ sequence }) => sequence)),
    sizes: () => messages.map(({ length }) => length),
  };
}

describe('frames on their way to a link', () => {
  it('[FR7] short ones of a task share a message', () => {
    const { writer, endTask, sent, sequence } = world();
    expect(writer.write('control', { payload: bytes(10) })).toBe(HEADER_BYTES + 10);
    writer.write('control', { payload: bytes(20) });
    expect(sent()).toEqual([]);
    endTask();
    expect(sent()).toEqual([[10, 20]]);
    writer.write('control', { payload: bytes(30) });
    endTask();
    endTask();
    expect(sent()).toEqual([[10, 20], [30]]);
    expect(sequence()).toEqual([0, 1, 2]);
  });

  it('[FR7] a long one leaves at once, with those before it', () => {
    const { writer, endTask, sent } = world();
    writer.write('control', { payload: bytes(10) });
    writer.write('control', { payload: bytes(9_000) });
    expect(sent()).toEqual([[10, 9_000]]);
    endTask();
    expect(sent().length).toBe(1);
  });

  it('[FR7] one that may linger leaves with the next, or when its time is over', async () => {
    const { writer, endTask, sent, clock } = world();
    writer.write('control', { payload: bytes(1) }, 100);
    writer.write('control', { payload: bytes(2) }, 100);
    endTask();
    await clock.advance(99);
    expect(sent()).toEqual([]);
    writer.write('control', { payload: bytes(3) });
    endTask();
    expect(sent()).toEqual([[1, 2, 3]]);
    await clock.advance(1_000);
    writer.write('control', { payload: bytes(4) }, 100);
    await clock.advance(100);
    expect(sent()).toEqual([[1, 2, 3], [4]]);
  });

  it('keeps order, numbers, bytes and the largest message, whatever is written', () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = seededRandom(seed);
      const most = [1025, 4096, 65_536, 262_144][random.integer(4)]!;
      const { writer, endTask, sent, sequence, sizes, failures } = world(most);
      const written: number[] = [];
      for (let frame = 0; frame < 60; frame++) {
        const length =
          1 + random.integer(Math.min(writer.payloadBytes, [20, 2_000, 1e6][random.integer(3)]!));
        written.push(length);
        writer.write('control', { payload: bytes(length) }, random.integer(2) * 50);
        if (random.integer(4) === 0) endTask();
      }
      writer.flush();
      expect(sent().flat(), `seed ${seed}`).toEqual(written);
      expect(sequence(), `seed ${seed}`).toEqual(written.map((_, index) => index));
      expect(Math.max(...sizes())).toBeLessThanOrEqual(Math.min(most, HEADER_BYTES + writer.payloadBytes));
      expect(failures).toEqual([]);
    }
  });

  it('says once that the link is dead, and writes nothing more', () => {
    const { writer, endTask, failures, die, sent } = world();
    writer.write('control', { payload: bytes(1) });
    die();
    endTask();
    writer.write('control', { payload: bytes(9_000) });
    endTask();
    expect(writer.write('control', { payload: bytes(1) })).toBe(0);
    expect({ failures, sent: sent(), stopped: writer.stopped }).toEqual({
      failures: ['LINK_CLOSED'],
      sent: [],
      stopped: true,
    });
  });
});
