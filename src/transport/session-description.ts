import { PeerceptronError } from '../shared/errors.ts';
import type { RtcCandidateKind } from './rtc.ts';

const MAX_SDP_CHARACTERS = 16 * 1024;
const MAX_CANDIDATE_CHARACTERS = 1024;
const FINGERPRINT = /^a=fingerprint:sha-256 ((?:[0-9a-f]{2}:){31}[0-9a-f]{2})$/i;
const CANDIDATE =
  /^candidate:[\w+/.-]{1,64} \d{1,5} (?:udp|tcp) \d{1,10} (\S{1,256}) \d{1,5} typ (host|srflx|prflx|relay)(?: [\x20-\x7e]*)?$/i;

export interface DataDescription {
  /** Lower-case hex SHA-256 of the certificate, without colons. */
  readonly fingerprint: string;
  /** Kinds of the candidates that the description itself carries. */
  readonly candidates: readonly RtcCandidateKind[];
}

/**
 * Reads what matters of an SDP (RFC 8866) and refuses all but the one shape that a data connection has: a single media section, of
 * kind application, and a single certificate fingerprint, SHA-256. A second section or fingerprint would let a
 * description be accepted whose authenticated half is not the half in use.
 * @throws PROTOCOL_MALFORMED
 */
export function parseDataDescription(sdp: string): DataDescription {
  if (sdp.length > MAX_SDP_CHARACTERS) {
    throw malformed(`has ${sdp.length} characters, at most ${MAX_SDP_CHARACTERS} are taken`);
  }
  const lines = sdp.split(/\r\n|\n|\r/).filter((line) => line !== '');
  for (const line of lines) {
    if (!/^[a-z]=[\x20-\x7e]*$/.test(line)) throw malformed('has a line that is not "letter=text"');
  }
  const media = lines.filter((line) => line.startsWith('m='));
  if (media.length !== 1 || !/^m=application \d{1,5} /.test(media[0] ?? '')) {
    throw malformed('must have exactly one media section, of kind application');
  }
  const fingerprints = lines.filter((line) => /^a=fingerprint:/i.test(line));
  const digest = FINGERPRINT.exec(fingerprints[0] ?? '')?.[1];
  if (fingerprints.length !== 1 || digest === undefined) {
    throw malformed('must have exactly one fingerprint, SHA-256');
  }
  const candidates = lines
    .filter((line) => line.startsWith('a=candidate:'))
    .map((line) => parseCandidateKind(line.slice(2)));
  return { fingerprint: digest.replaceAll(':', '').toLowerCase(), candidates };
}

/**
 * The kind of an ICE candidate line (RFC 8839); `mdns` for a host address that a browser hides behind a `.local` name.
 * @throws PROTOCOL_MALFORMED
 */
export function parseCandidateKind(candidate: string): RtcCandidateKind {
  const match = candidate.length <= MAX_CANDIDATE_CHARACTERS ? CANDIDATE.exec(candidate) : null;
  const [, address, kind] = match ?? [];
  if (address === undefined || kind === undefined) {
    throw new PeerceptronError('PROTOCOL_MALFORMED', 'an ICE candidate of the other side is not well-formed');
  }
  if (kind.toLowerCase() === 'host' && address.toLowerCase().endsWith('.local')) return 'mdns';
  return kind.toLowerCase() as RtcCandidateKind;
}

function malformed(what: string): PeerceptronError {
  return new PeerceptronError('PROTOCOL_MALFORMED', `the session description of the other side ${what}`);
}
