import { describe, expect, it } from 'vitest';
import { CONNECTION_WINDOW_BYTES, MAX_CONTROL_BYTES } from '../../../src/protocol/chunk.ts';
import { encodeFrame, FLAG_BY_RECEIVER, FLAG_LAST, PRIORITY } from '../../../src/protocol/frame.ts';
import { encodePayload, encodeReason } from '../../../src/protocol/payload.ts';
import type { ErrorCode } from '../../../src/shared/errors.ts';
import { piece } from './channel-pair.ts';
import { scripted, type Scripted } from './scripted-peer.ts';

const bytes = (length: number): Uint8Array => new Uint8Array(length).fill(7);
const reason = encodeReason({ code: 'STREAM_CANCELLED', message: 'test' });
const ping = encodePayload({ type: 'ping', nonce: 1 }, 1000, 'ping');
const acceptAll = (script: Scripted): void => {
  script.channel.onStream = (_meta, totalBytes) => ({
    buffer: new Uint8Array(totalBytes),
    done: () => undefined,
    failed: () => undefined,
  });
  script.channel.onControl = () => undefined;
};

interface Violation {
  readonly title: string;
  readonly code: ErrorCode;
  readonly commit: (script: Scripted) => void | Promise<void>;
  /** Leaves streams without a destination. */
  readonly deaf?: true;
}

const violations: readonly Violation[] = [
  {
    title: '[FR1] a message shorter than the header',
    code: 'PROTOCOL_MALFORMED',
    commit: ({ sendRaw }) => sendRaw(bytes(19)),
  },
  { title: '[FR1] an empty message', code: 'PROTOCOL_MALFORMED', commit: ({ sendRaw }) => sendRaw(bytes(0)) },
  {
    title: '[FR2] another version',
    code: 'PROTOCOL_VERSION',
    commit: ({ sendRaw }) => {
      const message = encodeFrame(
        { type: 'close', flags: 0, priority: 0, stream: 0, sequence: 0, offset: 0 },
        bytes(0),
      );
      message[0] = 9;
      sendRaw(message);
    },
  },
  {
    title: '[FR5] a gap in the sequence',
    code: 'PROTOCOL_ORDER',
    commit: ({ send }) => send({ type: 'control', flags: FLAG_LAST, sequence: 1 }, ping),
  },
  {
    title: '[FR5] a repeated frame',
    code: 'PROTOCOL_ORDER',
    commit: ({ send }) => {
      send({ type: 'control', flags: FLAG_LAST }, ping);
      send({ type: 'control', flags: FLAG_LAST, sequence: 0 }, ping);
    },
  },
  {
    title: '[MSG1] a control message with an unknown field',
    code: 'PROTOCOL_MALFORMED',
    commit: ({ send }) =>
      send(
        { type: 'control', flags: FLAG_LAST },
        encodePayload({ type: 'ping', nonce: 1, extra: 1 }, 1000, 'test'),
      ),
  },
  {
    title: '[MSG2] a fragment that does not continue',
    code: 'PROTOCOL_ORDER',
    commit: ({ send }) => {
      send({ type: 'control' }, bytes(2000));
      send({ type: 'control', offset: 2001 }, bytes(2000));
    },
  },
  {
    title: '[MSG3] fragments that are too short',
    code: 'PROTOCOL_LIMIT',
    commit: ({ send }) => send({ type: 'control' }, bytes(1003)),
  },
  {
    title: '[MSG3] fragments of more than 4 MiB',
    code: 'PROTOCOL_LIMIT',
    commit: ({ send }) => {
      for (let offset = 0; offset <= MAX_CONTROL_BYTES; offset += 65_536) {
        send({ type: 'control', offset }, bytes(65_536));
      }
    },
  },
  {
    title: '[MSG4] 4,097 messages before anyone listens',
    code: 'PROTOCOL_LIMIT',
    deaf: true,
    commit: ({ send }) => {
      for (let count = 0; count < 4097; count += 1) send({ type: 'control', flags: FLAG_LAST }, ping);
    },
  },
  {
    title: '[CH1] a gap in a stream',
    code: 'PROTOCOL_ORDER',
    commit: ({ open, data }) => {
      open(1, 100);
      data(1, 0, bytes(10));
      data(1, 11, bytes(10));
    },
  },
  {
    title: '[CH1] an overlap in a stream',
    code: 'PROTOCOL_ORDER',
    commit: ({ open, data }) => {
      open(1, 100);
      data(1, 0, bytes(10));
      data(1, 9, bytes(10));
    },
  },
  {
    title: '[CH3] a stream id twice',
    code: 'PROTOCOL_ORDER',
    commit: ({ open }) => {
      open(1, 100);
      open(1, 100);
    },
  },
  { title: '[CH3] a skipped stream id', code: 'PROTOCOL_ORDER', commit: ({ open }) => open(2, 100) },
  {
    title: '[CH4] a total above the cap',
    code: 'PROTOCOL_LIMIT',
    commit: ({ open }) => open(1, 2 ** 31),
  },
  {
    title: '[CH5] bytes beyond the total',
    code: 'PROTOCOL_LIMIT',
    commit: ({ open, data }) => {
      open(1, 100);
      data(1, 0, bytes(101));
    },
  },
  {
    title: '[CH6] data of a stream that was never opened',
    code: 'PROTOCOL_ORDER',
    commit: ({ data }) => data(1, 0, bytes(1)),
  },
  {
    title: '[CH6] data of a complete stream',
    code: 'PROTOCOL_ORDER',
    commit: ({ open, data }) => {
      open(1, 10);
      data(1, 0, bytes(10));
      data(1, 10, bytes(1));
    },
  },
  {
    title: '[CH6] data after the sender cancelled',
    code: 'PROTOCOL_ORDER',
    commit: ({ open, send, data }) => {
      open(1, 10);
      send({ type: 'cancel', stream: 1 }, reason);
      data(1, 0, bytes(1));
    },
  },
  {
    title: '[CH7] metadata that fits no schema',
    code: 'PROTOCOL_MALFORMED',
    commit: ({ send }) =>
      send(
        { type: 'open', priority: 1, stream: 1, offset: 10 },
        encodePayload({ ...piece(), codec: 'mp3' }, 1000, 'test'),
      ),
  },
  {
    title: '[CH8] data with another priority',
    code: 'PROTOCOL_MALFORMED',
    commit: ({ open, data }) => {
      open(1, 10);
      data(1, 0, bytes(10), { priority: PRIORITY.weight });
    },
  },
  {
    title: '[CR1] credit beyond the total',
    code: 'PROTOCOL_MALFORMED',
    commit: async ({ channel, credit, settle }) => {
      channel.sendStream(piece(), bytes(300_000), { priority: 'activation' }).catch(() => undefined);
      await settle();
      credit(1, 300_001, 0);
    },
  },
  {
    title: '[CR2] bytes without credit',
    code: 'PROTOCOL_LIMIT',
    deaf: true,
    commit: ({ open, data }) => {
      open(1, 1_000_000);
      for (let offset = 0; offset <= 262_144; offset += 60_000) data(1, offset, bytes(60_000));
    },
  },
  {
    title: '[CR5] an acknowledgement of bytes that were never sent',
    code: 'PROTOCOL_MALFORMED',
    commit: ({ credit }) => credit(0, 0, 1),
  },
  {
    title: '[CR8] credit for a stream that was never opened',
    code: 'PROTOCOL_ORDER',
    commit: ({ credit }) => credit(1, 10, 0),
  },
  {
    title: '[CA4] a refusal of a stream that was never opened',
    code: 'PROTOCOL_ORDER',
    commit: ({ send }) => send({ type: 'cancel', flags: FLAG_BY_RECEIVER, stream: 1 }, reason),
  },
  {
    title: '[CA4] a cancel of a stream that was never opened',
    code: 'PROTOCOL_ORDER',
    commit: ({ send }) => send({ type: 'cancel', stream: 1 }, reason),
  },
];

describe('violations end the link with a coded error', () => {
  it.each(violations)('$title is $code', async ({ code, commit, deaf }) => {
    const script = scripted();
    if (deaf !== true) acceptAll(script);
    await commit(script);
    await script.settle();
    expect(script.closeReason()?.code).toBe(code);
    expect(await script.closed()).toMatchObject({ code });
  });

  it('[CH9] more open streams than the limit are PROTOCOL_LIMIT', async () => {
    const script = scripted({ limits: { maxOpenStreams: 3 } });
    acceptAll(script);
    for (let stream = 1; stream <= 4; stream += 1) script.open(stream, 10);
    await script.settle();
    expect(script.closeReason()?.code).toBe('PROTOCOL_LIMIT');
  });

  it('[CR4] more than 1 MiB without acknowledgement is PROTOCOL_LIMIT', async () => {
    const script = scripted({ limits: { maxHeldBytes: 0 } });
    const chunk = bytes(65_000);
    let sentBytes = 0;
    for (let stream = 1; sentBytes < CONNECTION_WINDOW_BYTES; stream += 1) {
      script.open(stream, 260_000);
      for (let part = 0; part < 4; part += 1) script.data(stream, part * chunk.length, chunk);
      sentBytes += 4 * chunk.length;
      await script.settle();
      expect(script.closeReason()?.code).toBe(
        sentBytes < CONNECTION_WINDOW_BYTES ? undefined : 'PROTOCOL_LIMIT',
      );
    }
  });
});
