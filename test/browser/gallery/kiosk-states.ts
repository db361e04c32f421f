import { asSessionId } from '../../../src/shared/ids.ts';
import type { KioskState } from '../../../src/ui/kiosk/kiosk-state.ts';
import type { PeerState, RoomState } from '../../../src/ui/peer-state.ts';
import type { Problem } from '../../../src/ui/problem.ts';
import type { TrustState } from '../../../src/ui/trust/trust-state.ts';
import { peerStates } from './peer-states.ts';

function problemIn(peer: PeerState): Problem | undefined {
  if (peer.view === 'room') return peer.signaling.problem;
  return peer.view === 'left' ? undefined : peer.problem;
}

const kiosk = (name: string, changes: Partial<KioskState> = {}): KioskState => {
  const peer = peerStates.get(name)!;
  return {
    peer,
    framesPerSecond: undefined,
    problem: problemIn(peer),
    isDimmed: false,
    ...changes,
  };
};

/** The working state with what later versions of it say about the part of the work. */
function withPart(state: PeerState, part: number): RoomState {
  if (state.view !== 'room') throw new Error(`view ${state.view}`);
  const session = asSessionId('e'.repeat(32));
  const work = state.sessions.get(session)!;
  const stage = { ...work.stage, part };
  return { ...state, sessions: new Map(state.sessions).set(session, { ...work, stage }) };
}
const working = withPart(peerStates.get('working')!, 0.31);

/** Every state that a kiosk's screen can show, for component tests and screenshots. */
export const kioskStates: ReadonlyMap<string, KioskState> = new Map([
  ['kiosk-no-room', kiosk('no-room')],
  ['kiosk-starting', kiosk('starting')],
  ['kiosk-alone', kiosk('alone')],
  ['kiosk-plain-http', kiosk('plain-http')],
  ['kiosk-ready', kiosk('connected')],
  ['kiosk-working', kiosk('working', { peer: working, framesPerSecond: 8.2 })],
  ['kiosk-dimmed', kiosk('working', { peer: working, framesPerSecond: 8.2, isDimmed: true })],
  [
    'kiosk-problem',
    kiosk('problems', { problem: { code: 'PLAN_MEMORY', message: 'The tile needs 800 MB of 500 MB.' } }),
  ],
  ['kiosk-lost', kiosk('lost')],
  ['kiosk-lost-dimmed', kiosk('lost', { isDimmed: true })],
  [
    'kiosk-no-engine',
    kiosk('no-engine', { problem: { code: 'ENGINE_UNAVAILABLE', message: 'No engine passed its test.' } }),
  ],
  ['kiosk-stopped', kiosk('stopped')],
]);

const authority = {
  name: 'Peerceptron on raspberrypi',
  fingerprint: Array.from({ length: 32 }, (_, index) =>
    (index * 7 + 16).toString(16).slice(-2).padStart(2, '0'),
  )
    .join(':')
    .toUpperCase(),
  notAfter: '2036-11-25T00:00:00.000Z',
  hosts: ['192.168.1.20'],
};
const page = 'http://192.168.1.20:8080';
const offered = {
  state: 'authority',
  authority,
  isTrusted: undefined,
  isCovered: true,
  elsewhere: `${page}/trust#amber-otter.0123456789abcdefghjkmnpqrstvwxyz`,
  room: 'https://192.168.1.20:8080/#amber-otter.0123456789abcdefghjkmnpqrstvwxyz',
  plainRoom: `${page}/#amber-otter.0123456789abcdefghjkmnpqrstvwxyz`,
} as const;

/** Every state of the page that says how to trust a server. */
export const trustStates: ReadonlyMap<string, TrustState> = new Map<string, TrustState>([
  ['trust-asking', { platform: 'android', server: { state: 'asking' } }],
  ['trust-silent', { platform: 'ios', server: { state: 'silent' } }],
  ['trust-none', { platform: 'mac', server: { state: 'no-authority' } }],
  ['trust-finding', { platform: 'android', server: offered }],
  ['trust-android', { platform: 'android', server: { ...offered, isTrusted: false } }],
  ['trust-ios', { platform: 'ios', server: { ...offered, isTrusted: false } }],
  [
    'trust-other-address',
    { platform: 'android', server: { ...offered, isTrusted: false, isCovered: false } },
  ],
  ['trust-unknown', { platform: undefined, server: { ...offered, isTrusted: false } }],
  ['trust-trusted', { platform: 'linux', server: { ...offered, isTrusted: true } }],
]);
