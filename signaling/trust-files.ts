import { X509Certificate } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { respondJson } from './static-files.ts';

/** What a device needs in order to trust a local authority. */
export interface TrustOffer {
  /** The authority's certificate, PEM. */
  readonly authority: string;
  /** Names and addresses (IPv6 in brackets) under which this server can be reached by https now, best first. */
  hosts(): readonly string[];
}

/** What the page `/trust` is told; `trustSchema` of the page has the same fields. */
export interface TrustFacts {
  readonly name: string;
  /** SHA-256 of the certificate, as devices show it: `AB:CD:…`. */
  readonly fingerprint: string;
  /** ISO 8601. */
  readonly notAfter: string;
  readonly hosts: readonly string[];
}

const FOLDER = '/trust/';

/** Answers the files of a trust offer; false where `pathname` is none of them. */
export function answerTrust(
  pathname: string,
  offer: TrustOffer | undefined,
  response: ServerResponse,
): boolean {
  if (!offer || !pathname.startsWith(FOLDER)) return false;
  const certificate = new X509Certificate(offer.authority);
  switch (pathname.slice(FOLDER.length)) {
    case 'authority.json':
      respondJson(response, trustFacts(certificate, offer.hosts()));
      return true;
    case 'peerceptron-ca.crt':
      // DER under this type: what Android, Windows and Firefox take a certificate to trust for.
      respondFile(response, 'application/x-x509-ca-cert', certificate.raw);
      return true;
    case 'peerceptron-ca.pem':
      respondFile(response, 'application/x-pem-file', offer.authority);
      return true;
    case 'peerceptron.mobileconfig':
      respondFile(response, 'application/x-apple-aspen-config', appleProfile(certificate));
      return true;
    default:
      return false;
  }
}

export function trustFacts(certificate: X509Certificate, hosts: readonly string[]): TrustFacts {
  return {
    name: commonName(certificate),
    fingerprint: certificate.fingerprint256,
    notAfter: new Date(certificate.validTo).toISOString(),
    hosts,
  };
}

function respondFile(response: ServerResponse, type: string, content: string | Buffer): void {
  response.writeHead(200, { 'Content-Type': type, 'Cache-Control': 'no-store' });
  response.end(content);
}

/**
 * A configuration profile for iOS, iPadOS and macOS with the certificate as its only payload (Apple, “CertificateRoot”). The
 * same certificate gives the same identifiers, so that installing it twice is installing it once.
 */
export function appleProfile(certificate: X509Certificate): string {
  const digest = certificate.fingerprint256.replaceAll(':', '');
  const name = escapeXml(commonName(certificate));
  const payload = [
    entry('PayloadType', '<string>com.apple.security.root</string>'),
    entry('PayloadVersion', '<integer>1</integer>'),
    entry('PayloadIdentifier', `<string>peerceptron.${digest.slice(0, 16)}.root</string>`),
    entry('PayloadUUID', `<string>${uuidOf(digest.slice(0, 32))}</string>`),
    entry('PayloadDisplayName', `<string>${name}</string>`),
    entry('PayloadCertificateFileName', '<string>peerceptron-ca.crt</string>'),
    entry('PayloadContent', `<data>${certificate.raw.toString('base64')}</data>`),
  ];
  const profile = [
    entry('PayloadType', '<string>Configuration</string>'),
    entry('PayloadVersion', '<integer>1</integer>'),
    entry('PayloadIdentifier', `<string>peerceptron.${digest.slice(0, 16)}</string>`),
    entry('PayloadUUID', `<string>${uuidOf(digest.slice(32))}</string>`),
    entry('PayloadDisplayName', `<string>${name}</string>`),
    entry(
      'PayloadDescription',
      '<string>Lets this device open the pages of a Peerceptron server in its own network over https. The certificate is valid for private names and addresses only.</string>',
    ),
    entry('PayloadContent', `<array><dict>${payload.join('')}</dict></array>`),
  ];
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0"><dict>${profile.join('')}</dict></plist>
`;
}

const entry = (key: string, value: string): string => `<key>${key}</key>${value}`;

/** 32 hexadecimal digits in the form of a UUID of version 8 (RFC 9562: contents of one's own). */
function uuidOf(hex: string): string {
  const variant = ((Number.parseInt(hex[16]!, 16) & 3) | 8).toString(16);
  const digits = `${hex.slice(0, 12)}8${hex.slice(13, 16)}${variant}${hex.slice(17)}`.toUpperCase();
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** As it is, where `subject` would have escapes in it. */
const commonName = (certificate: X509Certificate): string =>
  [certificate.toLegacyObject().subject.CN].flat()[0] ?? 'Peerceptron';

const escapeXml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
