import { X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { issueCertificate, makeAuthority } from '../../../../headless/https/authority.ts';
import { certifiedNames } from '../../../../headless/https/certified-names.ts';
import { certificateFacts, type TlsPair } from '../../../../signaling/tls-pair.ts';
import { verdictOn } from '../../../support/tls-client.ts';

const DAY_MS = 86_400_000;
// TLS clients go by the real clock.
const nowMs = Date.now();
const names = certifiedNames('raspberrypi', ['192.168.1.20', 'fd00::20']);

let authority: TlsPair;
let server: TlsPair;
beforeAll(async () => {
  authority = await makeAuthority('raspberrypi', nowMs);
  server = await issueCertificate(authority, names, nowMs);
});

describe('the local authority', () => {
  it('is an authority for servers alone, and signs no other authority', () => {
    const certificate = new X509Certificate(authority.cert);
    expect(certificate.ca).toBe(true);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.subject).toBe('CN=Peerceptron on raspberrypi');
    // Server authentication (RFC 5280, section 4.2.1.12).
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
    expect(new X509Certificate(server.cert).ca).toBe(false);
  });

  it('signs certificates that a client accepts for every name and address of the machine', async () => {
    const certificate = new X509Certificate(server.cert);
    const issuer = new X509Certificate(authority.cert);
    expect(certificate.checkIssued(issuer)).toBe(true);
    expect(certificate.verify(issuer.publicKey)).toBe(true);
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
    const facts = certificateFacts(certificate);
    for (const host of ['localhost', 'raspberrypi.local', '127.0.0.1', '::1', '192.168.1.20', 'fd00::20']) {
      expect(facts.covers(host), host).toBe(true);
    }
    expect(facts.covers('192.168.1.21')).toBe(false);
    expect(await verdictOn(server, authority.cert, '192.168.1.20')).toBe('accepted');
    expect(await verdictOn(server, authority.cert, 'raspberrypi.local')).toBe('accepted');
  });

  it('is unknown to whoever has not been told of it', async () => {
    const stranger = await makeAuthority('raspberrypi', nowMs);
    expect(await verdictOn(server, stranger.cert, 'localhost')).not.toBe('accepted');
  });

  it.each(['example.com', 'localhost.example.com', '93.184.216.34', '2606:2800:220:1::1'])(
    'cannot vouch for %s, whoever has its key',
    async (host) => {
      const isName = /[a-z]\.|\.[a-z]/.test(host);
      const forged = await issueCertificate(
        authority,
        { dns: isName ? [host] : [], addresses: isName ? [] : [host] },
        nowMs,
      );
      expect(await verdictOn(forged, authority.cert, host)).toMatch(/permitted subtree/);
    },
  );

  it('makes certificates as long as Apple allows, from a day ago, and none that outlives the authority', async () => {
    const facts = certificateFacts(new X509Certificate(server.cert));
    expect(facts.notAfterMs - facts.notBeforeMs).toBe(397 * DAY_MS);
    expect(facts.notBeforeMs).toBeLessThan(nowMs);
    const lateMs = nowMs + 3600 * DAY_MS;
    const late = await issueCertificate(authority, names, lateMs);
    expect(certificateFacts(new X509Certificate(late.cert)).notAfterMs).toBe(
      certificateFacts(new X509Certificate(authority.cert)).notAfterMs,
    );
  });

  it('gives each certificate a key and a number of its own', async () => {
    const other = await issueCertificate(authority, names, nowMs);
    expect(other.key).not.toBe(server.key);
    expect(new X509Certificate(other.cert).serialNumber).not.toBe(
      new X509Certificate(server.cert).serialNumber,
    );
  });
});
