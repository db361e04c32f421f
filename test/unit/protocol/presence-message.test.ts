import { describe, expect, it } from 'vitest';
import { parseControlMessage } from '../../../src/protocol/messages.ts';
import { MAX_WATCH_MS } from '../../../src/protocol/presence-message.ts';

const peer = 'a'.repeat(32);
const presence = {
  type: 'presence',
  load: 0.4,
  share: 1,
  framesPerSecond: 8,
  sent: [[peer, 1200]],
  work: [{ model: 'vgg16', opCount: 38, ops: [[3, 7]], part: 0.31 }],
};

describe('presence on the wire', () => {
  it.each([
    presence,
    { ...presence, battery: { level: 0.5, charging: false }, macsPerSecond: 2e9, setAside: [peer] },
    { type: 'watch', forMs: 0 },
    { type: 'watch', forMs: MAX_WATCH_MS },
  ])('[MSG1] is read as it was meant: %j', (message) => {
    expect(parseControlMessage(message)).toEqual(message);
  });

  it.each([
    ['a load above all of it', { ...presence, load: 1.1 }],
    ['a rate that is no number', { ...presence, framesPerSecond: Number.NaN }],
    ['negative bytes', { ...presence, sent: [[peer, -1]] }],
    ['bytes to nobody', { ...presence, sent: [['somebody', 1]] }],
    ['bytes to more than a room holds', { ...presence, sent: Array.from({ length: 65 }, () => [peer, 1]) }],
    ['ops that end before they begin', { ...presence, work: [{ ...presence.work[0], ops: [[7, 3]] }] }],
    ['a charge below nothing', { ...presence, battery: { level: -0.1, charging: true } }],
    ['an unknown field', { ...presence, mood: 'good' }],
    ['a watch for ever', { type: 'watch', forMs: MAX_WATCH_MS + 1 }],
    ['a watch backwards', { type: 'watch', forMs: -1 }],
  ])('[PRE2] %s is malformed', (_, message) => {
    expect(() => parseControlMessage(message)).toThrowError(
      expect.objectContaining({ code: 'PROTOCOL_MALFORMED' }) as Error,
    );
  });
});
