import { describe, expect, it } from 'vitest';
import { DataChannelLink } from '../../../src/transport/data-channel-link.ts';
import type { PeerceptronError } from '../../../src/shared/errors.ts';

/** A link over a channel that only takes notes. */
function open(leave?: () => void) {
  const did: string[] = [];
  const link = new DataChannelLink(
    {
      send: (message) => did.push(`send ${message.length}`),
      leave: (text) => {
        leave?.();
        did.push(`leave ${text}`);
      },
      finish: () => did.push('finish'),
    },
    100,
  );
  const closes: (string | undefined)[] = [];
  link.onClose = (error: PeerceptronError | undefined) => void closes.push(error?.code);
  const received: number[] = [];
  link.onMessage = (message) => void received.push(message.length);
  return { link, did, closes, received };
}

describe('DataChannelLink', () => {
  it('[LK4] that is closed says so, sends nothing more, and leaves the channel to the other side', () => {
    const { link, did, closes, received } = open();
    link.send(new Uint8Array(3));
    link.close();
    link.close();
    expect(() => link.send(new Uint8Array(1))).toThrowError('closed');
    link.received(new Uint8Array(1));
    expect(did).toEqual(['send 3', 'leave end']);
    link.ended(undefined);
    expect(closes).toEqual([undefined]);
    expect(received).toEqual([]);
  });

  it('[LK4] closes the channel when the other side has sent its last, and sends nothing more', () => {
    const { link, did, closes, received } = open();
    link.received(new Uint8Array(2));
    link.received('end');
    expect(() => link.send(new Uint8Array(1))).toThrowError('closed');
    link.close();
    expect(did).toEqual(['finish']);
    expect(closes).toEqual([]);
    link.ended(undefined);
    expect(closes).toEqual([undefined]);
    expect(received).toEqual([2]);
  });

  it('[LK4] closes the channel when both sides leave at once', () => {
    const { link, did } = open();
    link.close();
    link.received('end');
    expect(did).toEqual(['leave end', 'finish']);
    link.ended(undefined);
    link.received('end');
    expect(did).toHaveLength(2);
  });

  it('closes the channel at once where nothing can be sent any more', () => {
    const { link, did } = open(() => {
      throw new Error('it is closed');
    });
    link.close();
    expect(did).toEqual(['finish']);
  });

  it.each([['any other text'], [undefined]])('[LK4] ends with PROTOCOL_MALFORMED at %s', (message) => {
    const { link, did, closes } = open();
    link.received(message);
    expect(did).toEqual(['leave end']);
    link.ended(undefined);
    expect(closes).toEqual(['PROTOCOL_MALFORMED']);
  });
});
