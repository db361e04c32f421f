import { PeerceptronError } from '../shared/errors.ts';
import { shortId, type PeerId } from '../shared/ids.ts';
import type { RtcCandidateKind, RtcCandidates } from '../transport/rtc.ts';

/** How far a dial had come when its time was up. */
export type DialProgress =
  | { readonly phase: 'knocking'; readonly signalingOpen: boolean; readonly sealFailures: number }
  | {
      readonly phase: 'connecting';
      readonly candidates: RtcCandidates;
      /** Offers, answers and candidates that came from the other side. */
      readonly signalsReceived: number;
      readonly hasTurn: boolean;
    }
  | { readonly phase: 'greeting' };

const has = (kinds: readonly RtcCandidateKind[], ...wanted: readonly RtcCandidateKind[]): boolean =>
  kinds.some((kind) => wanted.includes(kind));
const onlyMdns = (kinds: readonly RtcCandidateKind[]): boolean =>
  kinds.length > 0 && kinds.every((kind) => kind === 'mdns');

/**
 * Why two devices found no connection, as a sentence that says what to do.
 * @returns AUTH_FAILED, LINK_TIMEOUT (the other side is silent) or LINK_NO_ROUTE (both talk, but no path joins them)
 */
export function explainNoLink(peer: PeerId, progress: DialProgress): PeerceptronError {
  const who = `device ${shortId(peer)}`;
  const error = (code: 'AUTH_FAILED' | 'LINK_TIMEOUT' | 'LINK_NO_ROUTE', sentence: string) =>
    new PeerceptronError(code, sentence, { details: { peer, progress } });
  switch (progress.phase) {
    case 'knocking':
      if (!progress.signalingOpen)
        return error(
          'LINK_TIMEOUT',
          `Could not call ${who}: the signaling server is out of reach at the moment. Check the room’s server and this device’s network.`,
        );
      if (progress.sealFailures > 0)
        return error(
          'AUTH_FAILED',
          `What came from ${who} was not sealed with this room’s secret, or the server changed it. Open the same room link on both devices.`,
        );
      return error(
        'LINK_TIMEOUT',
        `No answer from ${who}: it may be asleep, in a background tab, or about to leave. Wake it up, or reload its page.`,
      );
    case 'greeting':
      return error(
        'LINK_TIMEOUT',
        `A connection to ${who} opened, but it did not complete the handshake in time. Reload the page there.`,
      );
    case 'connecting': {
      const { candidates, signalsReceived, hasTurn } = progress;
      const { local, remote } = candidates;
      if (signalsReceived === 0)
        return error(
          'LINK_TIMEOUT',
          `Nothing more came from ${who} after it answered: it fell asleep or lost the signaling server. Wake it up, or reload its page.`,
        );
      if (local.length === 0)
        return error(
          'LINK_NO_ROUTE',
          `This device found no network address of its own to offer to ${who}. Check that it is connected to a network, and that no extension or policy blocks WebRTC.`,
        );
      if (remote.length === 0)
        return error(
          'LINK_NO_ROUTE',
          `No network address came from ${who}: it has no network connection, WebRTC is blocked there, or the signaling server lost it.`,
        );
      if (onlyMdns(local) && onlyMdns(remote))
        return error(
          'LINK_NO_ROUTE',
          `No route to ${who}: both browsers hide their addresses behind .local names, which are found by multicast, and this network seems to block multicast. Allow the camera or microphone on one of them (browsers then show addresses), turn off “client isolation” on the Wi-Fi, or add a TURN server.`,
        );
      if (onlyMdns(local) || onlyMdns(remote))
        return error(
          'LINK_NO_ROUTE',
          `No route to ${who}: ${onlyMdns(local) ? 'this browser' : 'its browser'} hides its address behind a .local name, which the other side could not look up, and no other path worked. Allow the camera or microphone in that browser, let multicast (mDNS) through, or add a TURN server.`,
        );
      if (has(local, 'relay') || has(remote, 'relay'))
        return error(
          'LINK_NO_ROUTE',
          `No route to ${who}, not even through the TURN relay: check that the relay is reachable from both devices and that its credentials are valid.`,
        );
      if (hasTurn)
        return error(
          'LINK_NO_ROUTE',
          `No route to ${who}: there is no direct path, and no address came from the TURN server. Check its address and credentials.`,
        );
      if (has(local, 'srflx') || has(remote, 'srflx'))
        return error(
          'LINK_NO_ROUTE',
          `No route to ${who}: the devices are behind routers or firewalls that let no direct connection through. Put both in one network, or add a TURN server.`,
        );
      return error(
        'LINK_NO_ROUTE',
        `No route to ${who}: the devices are in different networks, or a firewall or Wi-Fi “client isolation” keeps them apart. Put both in one network, or add a TURN server.`,
      );
    }
  }
}
