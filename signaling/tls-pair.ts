import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { isIP } from 'node:net';
import { createSecureContext } from 'node:tls';
import { PeerceptronError } from '../src/shared/errors.ts';

/** A certificate (with its chain, the own one first) and its private key, both PEM. */
export interface TlsPair {
  readonly cert: string;
  readonly key: string;
}

/** What a certificate says of itself. */
export interface CertificateFacts {
  /** Names that it is for, wildcards included. */
  readonly dns: readonly string[];
  /** Unix time. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Whether it is for this name or address (without brackets). */
  covers(host: string): boolean;
}

/** Where a pair came from, for the sentences of errors: `--cert /etc/me.crt`. */
export interface PairOrigin {
  readonly cert: string;
  readonly key: string;
}

/**
 * Whether a server can be started with this pair, now.
 * @throws CERTIFICATE_INVALID saying what is wrong with which of the two, and what to do
 */
export function judgeTlsPair(pair: TlsPair, from: PairOrigin, nowMs: number): CertificateFacts {
  const certificate = parseCertificate(pair.cert, from.cert);
  const key = parseKey(pair.key, from.key);
  if (!certificate.checkPrivateKey(key)) {
    throw invalid(`${from.key} is not the key of ${from.cert}: give the two files that were made together.`);
  }
  const facts = certificateFacts(certificate);
  if (nowMs >= facts.notAfterMs)
    throw invalid(`${from.cert} expired on ${dayOf(facts.notAfterMs)}: renew it.`);
  if (nowMs < facts.notBeforeMs) {
    throw invalid(
      `${from.cert} is valid from ${dayOf(facts.notBeforeMs)} only, and this machine's clock says ${dayOf(nowMs)}: set the clock, or wait.`,
    );
  }
  try {
    createSecureContext({ cert: pair.cert, key: pair.key });
  } catch (cause) {
    // For example a key that is too weak for this OpenSSL.
    throw invalid(`${from.cert} and ${from.key} cannot be used: ${messageOf(cause)}.`, cause);
  }
  return facts;
}

export function certificateFacts(certificate: X509Certificate): CertificateFacts {
  const names = certificate.subjectAltName?.split(', ') ?? [];
  return {
    dns: names.flatMap((name) => (name.startsWith('DNS:') ? [name.slice('DNS:'.length)] : [])),
    notBeforeMs: Date.parse(certificate.validFrom),
    notAfterMs: Date.parse(certificate.validTo),
    covers: (host) =>
      isIP(host)
        ? certificate.checkIP(host) !== undefined
        : // Browsers look at nothing but the alternative names.
          certificate.checkHost(host, { subject: 'never' }) !== undefined,
  };
}

function parseCertificate(pem: string, from: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw invalid(`${from} holds no certificate in PEM format (-----BEGIN CERTIFICATE-----).`, cause);
  }
}

function parseKey(pem: string, from: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    if (/ENCRYPTED/.test(pem)) {
      throw invalid(
        `${from} is protected by a passphrase, which nobody can type into a server: write it without one (openssl pkey -in with.key -out without.key), readable by you alone.`,
        cause,
      );
    }
    throw invalid(`${from} holds no private key in PEM format (-----BEGIN PRIVATE KEY-----).`, cause);
  }
}

export const invalid = (message: string, cause?: unknown): PeerceptronError =>
  new PeerceptronError('CERTIFICATE_INVALID', message, cause === undefined ? {} : { cause });

/** `2026-11-28`: no locale, no time zone but UTC. */
export const dayOf = (unixMs: number): string => new Date(unixMs).toISOString().slice(0, 10);

const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));
