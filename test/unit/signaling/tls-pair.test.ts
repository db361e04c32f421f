import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { issueCertificate, makeAuthority } from '../../../headless/https/authority.ts';
import { readTlsFiles, tlsFilesVersion } from '../../../signaling/tls-files.ts';
import type { TlsPair } from '../../../signaling/tls-pair.ts';
import { rejectionOf } from '../mesh/thrown.ts';

const DAY_MS = 86_400_000;
const nowMs = Date.UTC(2026, 10, 28);
let root: string;
let pair: TlsPair;
const at = (file: string) => join(root, file);
const read = (cert: string, key: string, whenMs = nowMs) =>
  readTlsFiles({ cert: at(cert), key: at(key) }, whenMs);

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'peerceptron-tls-'));
  const authority = await makeAuthority('here', nowMs);
  pair = await issueCertificate(authority, { dns: ['mesh.lan'], addresses: ['192.168.1.2'] }, nowMs);
  writeFileSync(at('server.crt'), pair.cert + authority.cert);
  writeFileSync(at('server.key'), pair.key);
  writeFileSync(at('other.key'), authority.key);
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const locked = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' } as const;
  writeFileSync(at('locked.key'), privateKey.export(locked));
});
afterAll(() => rmSync(root, { recursive: true }));

describe("the operator's own certificate", () => {
  it('is read with its chain, and says what it is for', async () => {
    const { pair: found, facts } = await read('server.crt', 'server.key');
    expect(found.cert.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    expect(facts.dns).toEqual(['mesh.lan']);
    expect(facts.covers('mesh.lan')).toBe(true);
    expect(facts.covers('192.168.1.2')).toBe(true);
    expect(facts.covers('192.168.1.3')).toBe(false);
    expect(facts.notAfterMs - facts.notBeforeMs).toBe(397 * DAY_MS);
  });

  it.each([
    ['none.crt', 'server.key', 'no such file'],
    ['server.crt', 'none.key', 'no such file'],
    ['.', 'server.key', 'it is a folder'],
    ['server.key', 'server.key', 'holds no certificate'],
    ['server.crt', 'server.crt', 'holds no private key'],
    ['server.crt', 'other.key', 'is not the key of'],
    ['server.crt', 'locked.key', 'passphrase'],
  ])('%s with %s: %s', async (cert, key, says) => {
    const error = await rejectionOf(read(cert, key));
    expect(error.code).toBe('CERTIFICATE_INVALID');
    expect(error.message).toContain(says);
  });

  it('is refused outside of its time, with the day', async () => {
    const expired = await rejectionOf(read('server.crt', 'server.key', nowMs + 400 * DAY_MS));
    expect(expired.message).toMatch(/expired on 2027-12-29: renew it/);
    const early = await rejectionOf(read('server.crt', 'server.key', nowMs - 10 * DAY_MS));
    expect(early.message).toContain('valid from 2026-11-27');
    expect(early.message).toContain('2026-11-18');
  });

  it('is noticed when somebody renews it', async () => {
    const files = { cert: at('server.crt'), key: at('server.key') };
    const before = await tlsFilesVersion(files);
    expect(before).toBeDefined();
    expect(await tlsFilesVersion(files)).toBe(before);
    writeFileSync(at('server.crt'), `${pair.cert}\n`);
    expect(await tlsFilesVersion(files)).not.toBe(before);
    expect(await tlsFilesVersion({ ...files, key: at('none.key') })).toBeUndefined();
  });
});
