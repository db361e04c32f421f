import { X509Certificate } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeAuthority } from '../../../../headless/https/authority.ts';
import { CertificateFolder } from '../../../../headless/https/certificate-folder.ts';
import { certifiedNames } from '../../../../headless/https/certified-names.ts';
import { LanCertificate } from '../../../../headless/https/lan-certificate.ts';
import { certificateFacts } from '../../../../signaling/tls-pair.ts';
import { rejectionOf } from '../../mesh/thrown.ts';

const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 10, 28);

let root: string;
let notes: string[];
let nowMs: number;
let addresses: string[];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'peerceptron-https-'));
  notes = [];
  nowMs = START_MS;
  addresses = ['192.168.1.20'];
});
afterEach(() => rmSync(root, { recursive: true }));

const path = () => join(root, 'data', 'https');
const folder = () => new CertificateFolder(path(), (sentence) => notes.push(sentence));
const open = () =>
  LanCertificate.open({
    folder: folder(),
    owner: 'raspberrypi',
    names: () => certifiedNames('raspberrypi', addresses),
    nowMs: () => nowMs,
  });
const modeOf = (file: string) => statSync(file).mode & 0o777;

describe("the machine's certificate", () => {
  it('is made once, and is the same after a restart', async () => {
    const first = await open();
    expect(first.isNewAuthority).toBe(true);
    const second = await open();
    expect(second.isNewAuthority).toBe(false);
    expect(second.authority).toEqual(first.authority);
    expect(second.pair).toEqual(first.pair);
    expect(await second.renew()).toBeUndefined();
  });

  it.skipIf(process.platform === 'win32')('is kept where this user alone can read it', async () => {
    await open();
    expect(modeOf(path())).toBe(0o700);
    for (const file of readdirSync(path())) expect(modeOf(join(path(), file)), file).toBe(0o600);
    expect(readdirSync(path()).sort()).toEqual(['authority.pem', 'server.pem']);
    chmodSync(join(path(), 'authority.pem'), 0o644);
    await open();
    expect(modeOf(join(path(), 'authority.pem'))).toBe(0o600);
    expect(notes.join()).toContain('was open to other users');
  });

  it('is made anew when this machine gets another address, by the same authority', async () => {
    const certificate = await open();
    const { pair, authority } = certificate;
    addresses = ['10.1.2.3'];
    expect(await certificate.renew()).toContain('10.1.2.3');
    expect(certificate.pair).not.toEqual(pair);
    expect(certificate.authority).toEqual(authority);
    expect(certificateFacts(new X509Certificate(certificate.pair.cert)).covers('10.1.2.3')).toBe(true);
    expect((await open()).pair).toEqual(certificate.pair);
  });

  it('is made anew a month before it ends, and when it is not valid yet', async () => {
    const certificate = await open();
    const { pair } = certificate;
    nowMs = certificate.notAfterMs - 31 * DAY_MS;
    expect(await certificate.renew()).toBeUndefined();
    nowMs = certificate.notAfterMs - 29 * DAY_MS;
    expect(await certificate.renew()).toContain('valid until');
    expect(certificate.pair).not.toEqual(pair);
    nowMs = START_MS;
    expect(await certificate.renew()).toContain('valid from');
  });

  it('ends with its authority, and another authority is made in time', async () => {
    const first = await open();
    const endMs = certificateFacts(new X509Certificate(first.authority.cert)).notAfterMs;
    nowMs = endMs - 40 * DAY_MS;
    await first.renew();
    expect(first.notAfterMs).toBe(endMs);
    nowMs = endMs - 20 * DAY_MS;
    expect(await first.renew()).toBeUndefined();
    const second = await open();
    expect(second.isNewAuthority).toBe(true);
    expect(second.authority).not.toEqual(first.authority);
    expect(second.notAfterMs).toBeGreaterThan(endMs);
  });

  it('is made again where it is damaged, or of another authority', async () => {
    const { pair } = await open();
    writeFileSync(join(path(), 'server.pem'), 'nonsense');
    const again = await open();
    expect(again.pair).not.toEqual(pair);
    const other = await makeAuthority('somebody', nowMs);
    rmSync(join(path(), 'authority.pem'));
    await folder().write('authority', other);
    expect((await open()).pair).not.toEqual(again.pair);
  });

  it('never throws an authority away that people trust', async () => {
    await open();
    const file = join(path(), 'authority.pem');
    const good = readFileSync(file, 'utf8');
    const stranger = await makeAuthority('somebody', nowMs);
    for (const [text, says] of [
      ['', 'is damaged'],
      [good.replace(/-----BEGIN PRIVATE KEY[\s\S]*/, ''), 'is damaged'],
      [good.replace(/^[A-Za-z0-9+/]{64}$/m, '!'.repeat(64)), 'is damaged'],
      [good.replace(/-----BEGIN PRIVATE KEY[\s\S]*/, stranger.key), 'the key of another one'],
    ] as const) {
      writeFileSync(file, text);
      const error = await rejectionOf(open());
      expect(error.code).toBe('CERTIFICATE_INVALID');
      expect(error.message).toContain(says);
      expect(error.message).toContain(`Delete ${file}`);
    }
  });

  it('is one and the same for programs that start at once', async () => {
    const all = await Promise.all([open(), open(), open()]);
    expect(new Set(all.map(({ authority }) => authority.cert)).size).toBe(1);
    expect(existsSync(join(path(), 'authority.pem'))).toBe(true);
    expect(readdirSync(path()).filter((file) => file.endsWith('.part'))).toEqual([]);
  });

  it('is not made by a clock that is far off', async () => {
    nowMs = Date.UTC(1970, 0, 2);
    const error = await rejectionOf(open());
    expect(error.code).toBe('CERTIFICATE_INVALID');
    expect(error.message).toContain('1970-01-02');
    expect(existsSync(path())).toBe(false);
  });

  it('says what to do where it cannot be kept', async () => {
    writeFileSync(join(root, 'data'), 'a file in the way');
    const error = await rejectionOf(open());
    expect(error.code).toBe('OUTPUT_UNWRITABLE');
    expect(error.message).toContain(path());
  });
});
