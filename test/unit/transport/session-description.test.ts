import { describe, expect, it } from 'vitest';
import { parseCandidateKind, parseDataDescription } from '../../../src/transport/session-description.ts';

const digest = Array.from({ length: 32 }, (_, index) => (index + 100).toString(16)).join(':');
const lines = [
  'v=0',
  'o=- 7595416366042112432 2 IN IP4 127.0.0.1',
  's=-',
  't=0 0',
  'a=group:BUNDLE 0',
  'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
  'c=IN IP4 0.0.0.0',
  'a=candidate:1 1 udp 2122260223 192.168.0.7 50000 typ host generation 0',
  'a=ice-ufrag:abcd',
  `a=fingerprint:sha-256 ${digest.toUpperCase()}`,
  'a=setup:actpass',
  'a=mid:0',
  'a=sctp-port:5000',
  'a=max-message-size:262144',
];
const sdp = (change: (all: string[]) => string[]): string => change([...lines]).join('\r\n') + '\r\n';
const malformed = expect.objectContaining({ code: 'PROTOCOL_MALFORMED' }) as Error;

describe('session descriptions', () => {
  it('[LK1] gives the fingerprint in lower-case hex and the kinds of candidates', () => {
    expect(parseDataDescription(sdp((all) => all))).toEqual({
      fingerprint: digest.replaceAll(':', ''),
      candidates: ['host'],
    });
  });

  it.each<[string, (all: string[]) => string[]]>([
    ['no media section', (all) => all.filter((line) => !line.startsWith('m='))],
    ['an audio section', (all) => [...all, 'm=audio 9 UDP/TLS/RTP/SAVPF 111']],
    ['a second data section', (all) => [...all, 'm=application 9 UDP/DTLS/SCTP webrtc-datachannel']],
    ['only an audio section', (all) => all.map((line) => line.replace('m=application', 'm=audio'))],
    ['no fingerprint', (all) => all.filter((line) => !line.startsWith('a=fingerprint'))],
    ['two fingerprints', (all) => [...all, `a=fingerprint:sha-256 ${digest}`]],
    ['a second fingerprint of another kind', (all) => [...all, 'a=fingerprint:sha-1 00:11']],
    ['a fingerprint in capitals beside it', (all) => [...all, `a=FINGERPRINT:sha-256 ${digest}`]],
    ['a SHA-1 fingerprint', (all) => all.map((line) => line.replace('sha-256', 'sha-1'))],
    ['a short fingerprint', (all) => all.map((line) => line.replace(/:[0-9A-F]{2}$/, ''))],
    ['a line without a letter', (all) => [...all, 'nonsense']],
    ['control characters', (all) => [...all, 'a=x\u0000']],
    ['a malformed candidate', (all) => [...all, 'a=candidate:oops']],
    ['20,000 characters', (all) => [...all, `a=${'x'.repeat(20_000)}`]],
    ['nothing', () => []],
  ])('[LK1] refuses a description with %s', (_name, change) => {
    expect(() => parseDataDescription(sdp(change))).toThrow(malformed);
  });

  it.each([
    ['candidate:1 1 udp 2122260223 192.168.0.7 50000 typ host generation 0 ufrag x', 'host'],
    ['candidate:1 1 UDP 2122260223 fe80::1 50000 typ host', 'host'],
    ['candidate:1 1 tcp 1518280447 192.168.0.7 9 typ host tcptype active', 'host'],
    ['candidate:7 1 udp 2113937151 3a9b7c1e-1f8e-4c5e-9a8b-1d2c3e4f5a6b.local 50000 typ host', 'mdns'],
    ['candidate:2 1 udp 1686052607 203.0.113.9 50000 typ srflx raddr 0.0.0.0 rport 0', 'srflx'],
    ['candidate:3 1 udp 41885439 203.0.113.9 50000 typ relay raddr 0.0.0.0 rport 0', 'relay'],
    ['candidate:4 1 udp 41885439 203.0.113.9 50000 typ prflx', 'prflx'],
  ])('[LK2] %s is of kind %s', (candidate, kind) => {
    expect(parseCandidateKind(candidate)).toBe(kind);
  });

  it.each([
    '',
    'candidate:',
    'candidate:1 1 udp 1 1.2.3.4 99 typ strange',
    'candidate:1 1 sctp 1 1.2.3.4 99 typ host',
    'candidate:1 1 udp 1 1.2.3.4 99 typ host\r\na=fingerprint:sha-256 00',
    `candidate:1 1 udp 1 1.2.3.4 99 typ host ${'x'.repeat(2000)}`,
  ])('[LK2] refuses the candidate "%s"', (candidate) => {
    expect(() => parseCandidateKind(candidate)).toThrow(malformed);
  });
});
