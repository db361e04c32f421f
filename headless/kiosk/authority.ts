import { X509Certificate } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RoomLink } from '../../src/protocol/room-link.ts';
import { PeerceptronError, toPeerceptronError } from '../../src/shared/errors.ts';
import { userDataDir } from '../platform.ts';

export interface AuthorityFlags {
  readonly authority?: string;
  readonly fingerprint?: string;
}

const ANSWER_TIMEOUT_MS = 5000;

/**
 * The authority (PEM) whose certificates a kiosk accepts besides the public ones: the named file's, that of the room's server if it has
 * the fingerprint that people were shown, or what `serve --https` of this user has made. Undefined where there is none of these.
 * @throws CERTIFICATE_INVALID; SIGNALING_UNREACHABLE while the server does not answer
 */
export async function kioskAuthority(
  flags: AuthorityFlags,
  { origin }: RoomLink,
  keptIn: string,
): Promise<string | undefined> {
  if (flags.authority !== undefined) {
    const { authority } = flags;
    const content = await readFile(authority).catch((cause: unknown) => {
      throw invalid(`--authority ${authority} cannot be read: ${toPeerceptronError(cause).message}`, cause);
    });
    return authorityOf(content, `--authority ${authority}`);
  }
  if (flags.fingerprint !== undefined) return byFingerprint(flags.fingerprint, origin, keptIn);
  const own = await readFile(join(userDataDir(), 'https', 'authority.pem')).catch(() => undefined);
  return own && authorityOf(own, 'The authority of this machine');
}

/** What was fetched once need not be fetched again: the server may be off at the next start. */
async function byFingerprint(fingerprint: string, origin: string, keptIn: string): Promise<string> {
  const file = join(keptIn, 'authority.crt');
  const kept = await readFile(file).catch(() => undefined);
  if (kept) {
    const pem = authorityOf(kept, file);
    if (hasFingerprint(pem, fingerprint)) return pem;
  }
  const { hostname, port, protocol } = new URL(origin);
  // One port speaks both; what comes this way is believed for its fingerprint alone.
  const url = `http://${hostname}:${port || (protocol === 'https:' ? '443' : '80')}/trust/peerceptron-ca.pem`;
  let content: Buffer;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
    if (!response.ok) throw new Error(`it answers with status ${response.status}`);
    content = Buffer.from(await response.arrayBuffer());
  } catch (cause) {
    throw new PeerceptronError(
      'SIGNALING_UNREACHABLE',
      `${url} cannot be fetched: ${toPeerceptronError(cause).message}. It is there where “serve --https” runs.`,
      { cause },
    );
  }
  const pem = authorityOf(content, url);
  if (!hasFingerprint(pem, fingerprint)) {
    const { fingerprint256 } = new X509Certificate(pem);
    throw invalid(
      `The authority of ${origin} has the fingerprint ${fingerprint256}, not the one of --fingerprint. If nobody has made it anew there, do not trust the network.`,
    );
  }
  await mkdir(keptIn, { recursive: true, mode: 0o700 });
  await writeFile(file, pem);
  return pem;
}

const hasFingerprint = (pem: string, wanted: string): boolean =>
  letters(new X509Certificate(pem).fingerprint256) === letters(wanted);
const letters = (fingerprint: string): string => fingerprint.replaceAll(/[\s:]/g, '').toUpperCase();

/** PEM of a certificate that came as PEM (a key may stand beside it) or as DER. */
function authorityOf(content: Buffer, what: string): string {
  const block = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/.exec(
    content.toString('latin1'),
  );
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(block ? block[0] : content);
  } catch (cause) {
    throw invalid(`${what} holds no certificate (PEM or DER).`, cause);
  }
  if (!certificate.ca) throw invalid(`${what} is no certificate of an authority.`);
  return certificate.toString();
}

const invalid = (message: string, cause?: unknown): PeerceptronError =>
  new PeerceptronError('CERTIFICATE_INVALID', message, { cause });
