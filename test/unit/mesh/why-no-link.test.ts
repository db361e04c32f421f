import { describe, expect, it } from 'vitest';
import { explainNoLink, type DialProgress } from '../../../src/mesh/why-no-link.ts';
import { asPeerId } from '../../../src/shared/ids.ts';
import type { RtcCandidateKind } from '../../../src/transport/rtc.ts';

const peer = asPeerId('abcdef'.padEnd(32, '0'));
const connecting = (
  local: readonly RtcCandidateKind[],
  remote: readonly RtcCandidateKind[],
  rest: { signalsReceived?: number; hasTurn?: boolean } = {},
): DialProgress => ({
  phase: 'connecting',
  candidates: { local, remote },
  signalsReceived: rest.signalsReceived ?? 3,
  hasTurn: rest.hasTurn ?? false,
});

describe('why there is no link', () => {
  it.each<[string, DialProgress, string, RegExp]>([
    [
      'signaling is away',
      { phase: 'knocking', signalingOpen: false, sealFailures: 0 },
      'LINK_TIMEOUT',
      /signaling server is out of reach/,
    ],
    [
      'the other side sleeps',
      { phase: 'knocking', signalingOpen: true, sealFailures: 0 },
      'LINK_TIMEOUT',
      /asleep.*reload/,
    ],
    [
      'the secrets differ',
      { phase: 'knocking', signalingOpen: true, sealFailures: 2 },
      'AUTH_FAILED',
      /same room link/,
    ],
    ['no HELLO came', { phase: 'greeting' }, 'LINK_TIMEOUT', /handshake/],
    [
      'no signal came',
      connecting(['host'], [], { signalsReceived: 0 }),
      'LINK_TIMEOUT',
      /fell asleep or lost the signaling/,
    ],
    ['it has no address itself', connecting([], ['host']), 'LINK_NO_ROUTE', /no network address of its own/],
    ['no address came', connecting(['host'], []), 'LINK_NO_ROUTE', /No network address came/],
    ['both hide behind mDNS', connecting(['mdns'], ['mdns', 'mdns']), 'LINK_NO_ROUTE', /block multicast/],
    ['this side hides', connecting(['mdns'], ['host']), 'LINK_NO_ROUTE', /this browser hides/],
    ['the other side hides', connecting(['host'], ['mdns']), 'LINK_NO_ROUTE', /its browser hides/],
    ['only local addresses', connecting(['host'], ['host']), 'LINK_NO_ROUTE', /different networks.*TURN/],
    [
      'routers in between',
      connecting(['host', 'srflx'], ['host', 'srflx']),
      'LINK_NO_ROUTE',
      /routers or firewalls.*TURN/,
    ],
    ['a dead relay', connecting(['host', 'relay'], ['host']), 'LINK_NO_ROUTE', /TURN relay.*credentials/],
    [
      'a relay that gives no address',
      connecting(['host'], ['host'], { hasTurn: true }),
      'LINK_NO_ROUTE',
      /no address came from the TURN server/,
    ],
  ])('[WHY1] names the cause when %s', (_cause, progress, code, sentence) => {
    const error = explainNoLink(peer, progress);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(sentence);
    expect(error.message).toContain('abcdef');
    expect(error.message).not.toContain(peer);
  });
});
