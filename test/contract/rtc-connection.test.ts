import { afterEach, describe, expect, it } from 'vitest';
import type { RtcConnection, RtcSignal } from '../../src/transport/rtc.ts';
import { openRtcNode } from '../../src/transport/simple-peer-node.ts';
import { connectRtcPair } from './rtc-pair.ts';

const open: RtcConnection[] = [];
afterEach(() => {
  for (const connection of open.splice(0)) connection.close();
});
const start = (initiator: boolean): RtcConnection => {
  const connection = openRtcNode({ initiator, iceServers: [] });
  open.push(connection);
  return connection;
};
const nextSignal = (connection: RtcConnection, type: RtcSignal['type']): Promise<RtcSignal> =>
  new Promise((resolve) => {
    connection.onSignal = (signal) => {
      if (signal.type === type) resolve(signal);
    };
  });
const coded = (code: string): Error => expect.objectContaining({ code }) as Error;
const candidate = (text: string, fields: object = {}): RtcSignal => ({
  type: 'candidate',
  candidate: text,
  sdpMid: '0',
  sdpMLineIndex: 0,
  ...fields,
});
const someHost = 'candidate:1 1 udp 2122260223 192.0.2.1 50000 typ host';
const someRelay = 'candidate:2 1 udp 41885439 198.51.100.1 50000 typ relay raddr 0.0.0.0 rport 0';

describe('RtcConnection over wrtc', () => {
  it('[LK1] both sides see the same two fingerprints, in lower-case hex', async () => {
    const { a, b, connections } = await connectRtcPair(openRtcNode);
    open.push(...connections);
    expect(a.localFingerprint).toMatch(/^[0-9a-f]{64}$/);
    expect(a.localFingerprint).toBe(b.remoteFingerprint);
    expect(b.localFingerprint).toBe(a.remoteFingerprint);
    expect(a.localFingerprint).not.toBe(a.remoteFingerprint);
    expect(connections[0].candidates().local).toContain('host');
    expect(connections[1].candidates().remote).toContain('host');
  });

  it('[LK1] refuses an offer that is more than one data section, and can still be closed', async () => {
    const offer = (await nextSignal(start(true), 'offer')) as Extract<RtcSignal, { sdp: string }>;
    const answering = start(false);
    const audio = `${offer.sdp}m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n`;
    expect(() => answering.signal({ type: 'offer', sdp: audio })).toThrow(coded('PROTOCOL_MALFORMED'));
    answering.close();
    await expect(answering.opened).rejects.toMatchObject({ code: 'LINK_CLOSED' });
  });

  it('[LK2] takes one description, of the right kind', async () => {
    const offering = start(true);
    const offer = await nextSignal(offering, 'offer');
    expect(() => offering.signal(offer)).toThrow(coded('PROTOCOL_ORDER'));
    const answering = start(false);
    answering.signal(offer);
    expect(() => answering.signal(offer)).toThrow(coded('PROTOCOL_ORDER'));
  });

  it('[LK2] takes only well-formed candidates of its one section, and the first 64 of them', () => {
    const connection = start(false);
    expect(() => connection.signal(candidate('candidate:nonsense'))).toThrow(coded('PROTOCOL_MALFORMED'));
    expect(() => connection.signal(candidate(someHost, { sdpMLineIndex: 1 }))).toThrow(
      coded('PROTOCOL_MALFORMED'),
    );
    expect(() => connection.signal(candidate(someHost, { sdpMid: null, sdpMLineIndex: null }))).toThrow(
      coded('PROTOCOL_MALFORMED'),
    );
    for (let count = 0; count < 64; count += 1) connection.signal(candidate(someHost));
    connection.signal(candidate(someRelay));
    expect(connection.candidates()).toEqual({ local: [], remote: ['host'] });
  });

  it('[LK2] refuses every other signal', () => {
    const connection = start(true);
    const renegotiate = { type: 'renegotiate', renegotiate: true } as unknown as RtcSignal;
    expect(() => connection.signal(renegotiate)).toThrow(coded('PROTOCOL_MALFORMED'));
  });

  it('[LK3] takes messages of at most 256 KiB', async () => {
    const { a, connections } = await connectRtcPair(openRtcNode);
    open.push(...connections);
    expect(a.link.maxMessageBytes).toBeGreaterThanOrEqual(64 * 1024);
    expect(a.link.maxMessageBytes).toBeLessThanOrEqual(256 * 1024);
  });
});
