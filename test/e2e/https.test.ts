import { execFileSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'puppeteer-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { issueCertificate } from '../../headless/https/authority.ts';
import { CertificateFolder } from '../../headless/https/certificate-folder.ts';
import { setUp } from '../../scripts/setup.mjs';
import { showLocalAddresses } from '../../scripts/test/chromium-flags.mjs';
import { createSignalingServer } from '../../signaling/server.ts';
import { hasCertutil } from '../support/certutil.ts';
import { startChromium } from '../support/chromium.ts';
import { accessibilityProblems } from '../support/page-axe.ts';
import { showView, textOf, waitForText } from '../support/page-world.ts';
import { runProgram, startProgram, type Program } from '../support/program.ts';

interface ServeReport {
  readonly port: number;
  readonly local: string;
  readonly links: readonly string[];
  readonly https: {
    readonly kind: string;
    readonly links: readonly string[];
    readonly trust: string;
    readonly fingerprint: string;
    readonly authorityFile: string;
    readonly isNew: boolean;
  };
}

/** A name that browsers do not take for this machine, so that pages over http are as insecure as in a room. */
const NAME = 'mesh.local';
const elsewhere = `--host-resolver-rules=MAP ${NAME} 127.0.0.1`;

let root: string;
let data: string;
let server: Program;
let report: ServeReport;
/** One browser that accepts the certificate, and one that has never heard of it. */
let trusting: Browser;
let stranger: Browser;
const pages: Page[] = [];
beforeAll(async () => {
  await setUp('build');
  root = mkdtempSync(join(tmpdir(), 'peerceptron-e2e-https-'));
  data = join(root, 'data');
  server = startProgram(['serve', '--https', '--port', '0', '--host', '127.0.0.1', '--json'], {
    PEERCEPTRON_DATA: data,
  });
  report = (await server.firstJson()) as ServeReport;
  const shown = new X509Certificate(readFileSync(join(data, 'https/server.pem')));
  const key = createHash('sha256')
    .update(shown.publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64');
  const common = [elsewhere, showLocalAddresses];
  trusting = await startChromium([...common, `--ignore-certificate-errors-spki-list=${key}`]);
  stranger = await startChromium(common);
});
afterEach(async () => {
  for (const page of pages.splice(0)) await page.close();
});
afterAll(async () => {
  await trusting?.close();
  await stranger?.close();
  await server?.stop();
  rmSync(root, { recursive: true, force: true });
});

async function open(browser: Browser, url: string): Promise<Page> {
  const page = await browser.newPage();
  pages.push(page);
  await page.goto(url);
  return page;
}
const at = (scheme: 'http' | 'https', path: string) => `${scheme}://${NAME}:${report.port}/${path}`;
const room = () => new URL(report.local).hash;
const factsOf = (page: Page) =>
  page.evaluate(() => ({
    href: location.href,
    isSecure: isSecureContext,
    isIsolated: crossOriginIsolated,
    hasCamera: 'mediaDevices' in navigator,
    hasWakeLock: 'wakeLock' in navigator,
  }));

describe('serve --https', () => {
  it('prints links that work on every device, those by https, and what there is to trust', () => {
    expect(report.links).toEqual([expect.stringMatching(/^http:\/\/127\.0\.0\.1:/)]);
    expect(report.https).toMatchObject({
      kind: 'local-authority',
      isNew: true,
      trust: `http://127.0.0.1:${report.port}/trust`,
      links: [report.links[0]!.replace('http:', 'https:')],
    });
    const authority = new X509Certificate(readFileSync(report.https.authorityFile));
    expect(report.https.fingerprint).toBe(authority.fingerprint256);
  });

  it('gives a page over https all that it can have, and lets it into the room over wss', async () => {
    const page = await open(trusting, at('https', room()));
    await waitForText(page, 'In the room');
    expect(await factsOf(page)).toMatchObject({
      isSecure: true,
      isIsolated: true,
      hasCamera: true,
      hasWakeLock: true,
    });
    expect(await textOf(page)).not.toContain('Missing in this browser');
  });

  it('takes a page over http to https where the device trusts the server, and lets others in all the same', async () => {
    const moved = await open(trusting, at('http', room()));
    await waitForText(moved, 'In the room');
    expect((await factsOf(moved)).href).toBe(at('https', room()));
    const left = await open(stranger, at('http', room()));
    await waitForText(left, 'This page came over plain http');
    await waitForText(left, '1 other device here');
    await waitForText(moved, '1 other device here');
    expect(await factsOf(left)).toMatchObject({ href: at('http', room()), isSecure: false });
    expect(await accessibilityProblems(left)).toEqual([]);
    const trust = await left.$eval('>>> pt-page-notice >>> a', (link) => link.href);
    expect(trust).toBe(at('http', `trust${room()}`));
    await showView(left, 'This device');
    expect(await left.$eval('>>> pt-preflight >>> a', (link) => link.href)).toBe(trust);
  });

  it('explains to a device how to trust it, and leads it into the room', async () => {
    const page = await open(stranger, at('http', `trust${room()}`));
    await waitForText(page, 'Get the camera and full speed');
    expect(await textOf(page)).toContain(report.https.fingerprint);
    expect(await accessibilityProblems(page)).toEqual([]);
    const file = await page.$eval('>>> pt-trust >>> ol a', (link) => link.href);
    const der = Buffer.from(await (await fetch(file.replace(NAME, '127.0.0.1'))).arrayBuffer());
    expect(new X509Certificate(der).fingerprint256).toBe(report.https.fingerprint);
    await page.locator('>>> pt-trust >>> .actions a').click();
    await waitForText(page, 'In the room');
    expect(page.url()).toBe(at('http', room()));

    const knowing = await open(trusting, at('http', `trust${room()}`));
    await waitForText(knowing, 'This device trusts the server');
    expect(await accessibilityProblems(knowing)).toEqual([]);
    await knowing.locator('>>> pt-trust >>> a.button').click();
    await waitForText(knowing, 'In the room');
    expect(knowing.url()).toBe(at('https', room()));
  });

  it('is refused by programs that do not know the authority, with what to do, and joined by those that do', async () => {
    const [link] = report.https.links as [string];
    const refused = await runProgram(['join', '--json', '--no-retry'], { PEERCEPTRON_URL: link });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('SIGNALING_UNREACHABLE');
    expect(refused.stderr).toContain('NODE_EXTRA_CA_CERTS');
    const pem = join(root, 'ca.pem');
    writeFileSync(
      pem,
      await (await fetch(`http://127.0.0.1:${report.port}/trust/peerceptron-ca.pem`)).text(),
    );
    const peer = startProgram(['join', '--json'], { PEERCEPTRON_URL: link, NODE_EXTRA_CA_CERTS: pem });
    await peer.line((line) => (line.includes('"joined"') ? line : undefined));
    await peer.stop();
  });

  it('has the same authority and the same certificate after a restart', async () => {
    const again = startProgram(['serve', '--https', '--port', '0', '--host', '127.0.0.1', '--json'], {
      PEERCEPTRON_DATA: data,
    });
    const second = (await again.firstJson()) as ServeReport;
    await again.stop();
    expect(second.https).toMatchObject({ isNew: false, fingerprint: report.https.fingerprint });
  });

  it('keeps a room over restarts where it is told to', async () => {
    const file = join(root, 'room.txt');
    const serve = ['serve', '--port', '0', '--host', '127.0.0.1', '--json', '--room-file', file];
    const rooms: string[] = [];
    for (let start = 0; start < 2; start++) {
      const program = startProgram(serve);
      rooms.push(new URL(((await program.firstJson()) as ServeReport).local).hash);
      await program.stop();
    }
    expect(rooms[0]).toMatch(/^#[a-z-]+\.[0-9a-z]{32}$/);
    expect(rooms[1]).toBe(rooms[0]);
    const other = await runProgram([...serve, '--room-name', 'another']);
    expect(other.code).toBe(2);
    writeFileSync(file, 'nonsense');
    const broken = await runProgram(serve);
    expect(broken.code).toBe(1);
    expect(broken.stderr).toContain('ROOM_LINK_INVALID');
  });

  it('refuses a certificate that cannot be used, with a code', async () => {
    const half = await runProgram(['serve', '--cert', 'server.crt']);
    expect(half.code).toBe(2);
    expect(half.stderr).toContain('--cert and --key belong together');
    const missing = await runProgram([
      'serve',
      '--cert',
      join(root, 'none.crt'),
      '--key',
      join(root, 'none.key'),
    ]);
    expect(missing.code).toBe(1);
    expect(missing.stderr).toMatch(
      /CERTIFICATE_INVALID: --cert .*none\.crt cannot be read: there is no such file/,
    );
    const blocked = join(root, 'blocked');
    writeFileSync(blocked, 'a file in the way');
    const unwritable = await runProgram(['serve', '--https', '--json'], { PEERCEPTRON_DATA: blocked });
    expect(unwritable.code).toBe(1);
    expect(unwritable.stderr).toContain('OUTPUT_UNWRITABLE');
  });

  it('serves https by a certificate of the operator, at the names that it is for', async () => {
    const authority = (await new CertificateFolder(join(data, 'https'), () => undefined).read('authority'))!;
    const pair = await issueCertificate(authority, { dns: [NAME], addresses: ['127.0.0.1'] }, Date.now());
    writeFileSync(join(root, 'own.crt'), pair.cert);
    writeFileSync(join(root, 'own.key'), pair.key);
    const own = startProgram([
      'serve',
      '--port',
      '0',
      '--host',
      '127.0.0.1',
      '--json',
      '--cert',
      join(root, 'own.crt'),
      '--key',
      join(root, 'own.key'),
    ]);
    const { https, links, port } = (await own.firstJson()) as ServeReport;
    await own.stop();
    expect(https.kind).toBe('own-certificate');
    expect(https).not.toHaveProperty('trust');
    expect(links.map((link) => new URL(link).origin)).toEqual([
      `https://${NAME}:${port}`,
      `https://127.0.0.1:${port}`,
    ]);
  });
});

describe('a Chromium that was told to trust the authority', () => {
  // Needs certutil (package libnss3-tools), by which an authority is added without a hand.
  it.skipIf(!hasCertutil)(
    'accepts its certificates for this machine, and for nothing on the internet',
    async () => {
      const home = join(root, 'home');
      const store = join(home, '.pki/nssdb');
      mkdirSync(store, { recursive: true });
      const folder = new CertificateFolder(join(data, 'https'), () => undefined);
      const authority = (await folder.read('authority'))!;
      writeFileSync(join(root, 'authority.crt'), authority.cert);
      const certutil = (...args: string[]) => execFileSync('certutil', ['-d', `sql:${store}`, ...args]);
      certutil('-N', '--empty-password');
      certutil('-A', '-t', 'C,,', '-n', 'Peerceptron', '-i', join(root, 'authority.crt'));
      const forged = await issueCertificate(authority, { dns: ['bank.example'], addresses: [] }, Date.now());
      const impostor = createSignalingServer({ port: 0, host: '127.0.0.1', tls: forged });
      const { port } = await impostor.ready;
      const browser = await startChromium(['--host-resolver-rules=MAP bank.example 127.0.0.1'], {
        HOME: home,
      });
      try {
        const page = await browser.newPage();
        await page.goto(report.https.links[0]!);
        await waitForText(page, 'In the room');
        expect(await factsOf(page)).toMatchObject({ isSecure: true, isIsolated: true });
        await expect(page.goto(`https://bank.example:${port}/healthz`)).rejects.toThrow(/ERR_CERT/);
      } finally {
        await browser.close();
        await impostor.close();
      }
    },
  );
});
