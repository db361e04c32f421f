// What the library injects its parts with; it leaves the choice to its users.
import 'reflect-metadata';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  type KeyObject,
} from 'node:crypto';
import type { TlsPair } from '../../signaling/tls-pair.ts';
import { PERMITTED_DOMAINS, PERMITTED_NETWORKS, type CertifiedNames } from './certified-names.ts';
import { NAME_CONSTRAINTS_OID, nameConstraints } from './name-constraints.ts';

const DAY_MS = 86_400_000;
/** Clocks in a room differ, and a certificate is used as soon as it is made. */
const BACKDATED_MS = DAY_MS;
const AUTHORITY_DAYS = 3650;
/** Apple's devices take up to 825 days from authorities that a person has added, and 398 from all others. */
const CERTIFICATE_DAYS = 397;

/** The curve that every browser and phone knows. */
const CURVE = 'P-256';
const EC = { name: 'ECDSA', namedCurve: CURVE } as const;
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' } as const;

/**
 * A certificate authority of this machine: its certificate signs servers only (also on systems that would let it sign programs or mail), and only
 * under private names and addresses.
 */
export async function makeAuthority(owner: string, nowMs: number): Promise<TlsPair> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: CURVE });
  const name = [{ CN: [`Peerceptron on ${owner}`] }];
  const certificate = await X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: name,
    issuer: name,
    ...validity(nowMs, AUTHORITY_DAYS),
    publicKey: await webPublicKey(publicKey),
    signingKey: await webPrivateKey(privateKey),
    signingAlgorithm: SIGNATURE,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new Extension(NAME_CONSTRAINTS_OID, true, nameConstraints(PERMITTED_DOMAINS, PERMITTED_NETWORKS)),
      await SubjectKeyIdentifierExtension.create(await webPublicKey(publicKey)),
    ],
  });
  return { cert: pem(certificate), key: keyPem(privateKey) };
}

/** A server's certificate with a key of its own, never valid for longer than its authority. */
export async function issueCertificate(
  authority: TlsPair,
  names: CertifiedNames,
  nowMs: number,
): Promise<TlsPair> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: CURVE });
  const authorityKey = createPrivateKey(authority.key);
  const issuer = new X509Certificate(authority.cert);
  const { notBefore, notAfter } = validity(nowMs, CERTIFICATE_DAYS);
  const certificate = await X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: [{ CN: ['Peerceptron'] }],
    issuer: issuer.subjectName,
    notBefore: new Date(Math.max(notBefore.getTime(), issuer.notBefore.getTime())),
    notAfter: new Date(Math.min(notAfter.getTime(), issuer.notAfter.getTime())),
    publicKey: await webPublicKey(publicKey),
    signingKey: await webPrivateKey(authorityKey),
    signingAlgorithm: SIGNATURE,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension([
        ...names.dns.map((value) => ({ type: 'dns', value }) as const),
        ...names.addresses.map((value) => ({ type: 'ip', value }) as const),
      ]),
      await SubjectKeyIdentifierExtension.create(await webPublicKey(publicKey)),
      await AuthorityKeyIdentifierExtension.create(await webPublicKey(createPublicKey(authorityKey))),
    ],
  });
  return { cert: pem(certificate), key: keyPem(privateKey) };
}

function validity(nowMs: number, days: number): { readonly notBefore: Date; readonly notAfter: Date } {
  const startMs = nowMs - BACKDATED_MS;
  return { notBefore: new Date(startMs), notAfter: new Date(startMs + days * DAY_MS) };
}

/** 128 random bits, positive and without leading zeros, in hexadecimal. */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x3f) | 0x40;
  return bytes.toString('hex');
}

const webPublicKey = (key: KeyObject): Promise<CryptoKey> =>
  crypto.subtle.importKey('spki', new Uint8Array(key.export({ type: 'spki', format: 'der' })), EC, true, [
    'verify',
  ]);

const webPrivateKey = (key: KeyObject): Promise<CryptoKey> =>
  crypto.subtle.importKey('pkcs8', new Uint8Array(key.export({ type: 'pkcs8', format: 'der' })), EC, false, [
    'sign',
  ]);

const pem = (certificate: X509Certificate): string => `${certificate.toString('pem')}\n`;
const keyPem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();
