import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CertificateFolder } from '../../headless/https/certificate-folder.ts';
import { startBrowser, type KioskBrowser } from '../../headless/kiosk/browser.ts';
import { kioskChromiumFlags } from '../../headless/kiosk/chromium-flags.ts';
import { findChromium } from '../../headless/kiosk/find-chromium.ts';
import { trustingEnvironment } from '../../headless/kiosk/trust-store.ts';
import { setUp } from '../../scripts/setup.mjs';
import { fakeCamera } from '../../scripts/test/chromium-flags.mjs';
import { systemClock } from '../../src/mesh/system-clock.ts';
import { formatRoomLink, parseRoomLink, type RoomLink } from '../../src/protocol/room-link.ts';
import { hasCertutil } from '../support/certutil.ts';
import { computeDigits } from '../support/compute-digits.ts';
import { isIn, startKiosk, type KioskProgram } from '../support/kiosk-program.ts';
import { argsOf, processesOfGroup } from '../support/process-groups.ts';
import { runProgram, startProgram, type Program } from '../support/program.ts';
import { openRestartableSite, type RestartableSite } from '../support/restartable-site.ts';
import { capabilities, joinReal, until } from './mesh-room.ts';

let folder: string;
let profile: string;
let kiosk: KioskProgram | undefined;
beforeAll(async () => {
  await setUp('build');
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'peerceptron-kiosk-'));
  profile = join(folder, 'profile');
});
afterEach(async () => {
  await kiosk?.stop();
  kiosk = undefined;
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
});

interface Installed {
  readonly file: string;
  readonly running: boolean;
  readonly todo: readonly string[];
}

const isRoot = process.getuid?.() === 0;

/** Frames through the only other member of a room. */
async function expectToServe(link: RoomLink): Promise<void> {
  const mesh = await joinReal(link, 'requester', {
    capabilities: { ...capabilities('requester'), serves: false },
  });
  await until(mesh, () => mesh.members.size === 1);
  await computeDigits(mesh);
  await mesh.leave();
}

describe('kiosk', () => {
  let site: RestartableSite;
  beforeEach(async () => {
    site = await openRestartableSite();
  });
  afterEach(() => site.close());

  it('joins and serves frames, and no argument of its processes holds the secret', async () => {
    const link = site.newRoom();
    const file = join(folder, 'link.txt');
    writeFileSync(file, `${formatRoomLink(link)}\n`);
    kiosk = startKiosk('', profile, ['--url-file', file]);
    const { pid } = await kiosk.event('started');
    const page = await kiosk.event('page', 0, isIn);
    expect(page).toMatchObject({
      secure: true,
      isolated: true,
      engine: expect.stringMatching(/^tfjs-/) as string,
    });
    await expectToServe(link);
    await kiosk.event('page', 0, ({ frames }) => frames === 3);

    const running = processesOfGroup(pid);
    expect(running.length).toBeGreaterThan(3);
    for (const { args } of running) expect(args).not.toContain(link.secret);
    expect(argsOf(kiosk.program.process.pid!)).not.toContain(link.secret);
    const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
    expect(environment).not.toContain(link.secret);

    const { code, stderr } = await kiosk.stop();
    expect(code).toBe(0);
    expect(stderr).not.toContain(link.secret);
    await expect.poll(() => processesOfGroup(pid)).toEqual([]);
  });

  it('hides a link that was an argument', async () => {
    const link = site.newRoom();
    const program = startProgram(['kiosk', '--json', '--profile', profile, formatRoomLink(link)]);
    try {
      await program.line((line) => (line.includes('"started"') ? line : undefined));
      expect(argsOf(program.process.pid!)).not.toContain(link.secret);
    } finally {
      await program.stop();
    }
  });

  it('waits for a server that is off, and says so', async () => {
    const link = site.newRoom();
    await site.stop();
    kiosk = startKiosk(formatRoomLink(link), profile);
    const { reason } = await kiosk.event('waiting');
    expect(reason).toContain('ERR_CONNECTION_REFUSED');
    await site.start();
    await kiosk.event('page', 0, isIn);
  });

  it('refuses a profile that another kiosk uses', async () => {
    const link = formatRoomLink(site.newRoom());
    kiosk = startKiosk(link, profile);
    await kiosk.event('loaded');
    const second = await runProgram(['kiosk', '--profile', profile], { PEERCEPTRON_URL: link });
    expect(second.code).toBe(2);
    expect(second.stderr).toMatch(/in use by a browser \(process \d+\)/);
  });

  it('says what to install where there is no Chromium', async () => {
    const none = await runProgram(['kiosk', '--profile', profile], {
      PEERCEPTRON_URL: formatRoomLink(site.newRoom()),
      CHROMIUM_PATH: '',
      CHROME_BIN: '',
      CHROME_PATH: '',
      PATH: folder,
    });
    expect(none.code).toBe(1);
    expect(none.stderr).toContain('CHROMIUM_MISSING');
    expect(none.stderr).toContain('apt install chromium');
  });

  it('says what it would install for systemd or for the desktop, without the link', async () => {
    const link = site.newRoom();
    const env = { PEERCEPTRON_URL: formatRoomLink(link), XDG_CONFIG_HOME: join(folder, 'config') };
    for (const [args, file, line] of [
      [[], 'systemd/user/peerceptron-kiosk.service', /^ExecStart=\S+ \S+ kiosk --url-file /m],
      [['--screen'], 'autostart/peerceptron-kiosk.desktop', /^Exec=.* --screen /m],
    ] as const) {
      const { code, stdout } = await runProgram(
        ['kiosk', '--install', '--dry-run', '--json', '--profile', profile, ...args],
        env,
      );
      expect(code).toBe(0);
      const said = JSON.parse(stdout) as { readonly file: string; readonly content: string };
      expect(said.file).toBe(join(folder, 'config', file));
      expect(said.content).toMatch(line);
      expect(stdout).not.toContain(link.secret);
      expect(() => readFileSync(said.file)).toThrow(/ENOENT/);
    }
  });

  it('writes a unit that systemd understands, and says what is to be done where none runs', async () => {
    const { code, stdout } = await runProgram(['kiosk', '--install', '--json', '--profile', profile], {
      PEERCEPTRON_URL: formatRoomLink(site.newRoom()),
      XDG_CONFIG_HOME: join(folder, 'config'),
      // No manager of a person who runs this is to be told.
      XDG_RUNTIME_DIR: join(folder, 'nowhere'),
      DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nonexistent',
    });
    expect(code).toBe(0);
    const { file, running, todo } = JSON.parse(stdout) as Installed;
    expect(running).toBe(false);
    expect(todo[0]).toContain('systemctl --user enable --now peerceptron-kiosk.service');
    expect(readFileSync(file, 'utf8')).toContain('ExecStart=');
    if (!existsSync('/usr/bin/systemd-analyze')) return;
    const said = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' });
    expect(said.stderr).not.toContain('peerceptron-kiosk.service');
  });

  it('writes the autostart of the desktop, and the link where only this user reads it', async () => {
    const link = site.newRoom();
    const { code } = await runProgram(['kiosk', '--install', '--screen', '--profile', profile], {
      PEERCEPTRON_URL: formatRoomLink(link),
      XDG_CONFIG_HOME: join(folder, 'config'),
    });
    expect(code).toBe(0);
    const entry = readFileSync(join(folder, 'config/autostart/peerceptron-kiosk.desktop'), 'utf8');
    expect(entry).not.toContain(link.secret);
    const file = /--url-file (\S+)/.exec(entry)![1]!;
    expect(parseRoomLink(readFileSync(file, 'utf8'))).toEqual(link);
  });
});

describe.skipIf(!hasCertutil)('kiosk over https (skipped without certutil)', () => {
  let server: Program;
  let data: string;
  let https: { readonly links: readonly string[]; readonly fingerprint: string };
  let root: string;
  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'peerceptron-kiosk-https-'));
    data = join(root, 'data');
    server = startProgram(['serve', '--https', '--port', '0', '--host', '127.0.0.1', '--json'], {
      PEERCEPTRON_DATA: data,
    });
    ({ https } = (await server.firstJson()) as { https: typeof https });
  });
  afterAll(async () => {
    await server?.stop();
    rmSync(root, { recursive: true, force: true });
  });

  it('trusts the authority that has the fingerprint, gets threads and camera, and serves frames', async () => {
    const link = parseRoomLink(https.links[0]!);
    kiosk = startKiosk(https.links[0]!, profile, ['--fingerprint', https.fingerprint], {
      PEERCEPTRON_DATA: join(folder, 'elsewhere'),
    });
    expect(await kiosk.event('page', 0, isIn)).toMatchObject({ secure: true, isolated: true });
    // Its other members need not speak https.
    await expectToServe({ ...link, origin: link.origin.replace('https:', 'http:') });
  });

  it('says that it does not trust a server, and refuses another fingerprint', async () => {
    const other = https.fingerprint.replaceAll(/[0-9]/g, '0');
    kiosk = startKiosk(https.links[0]!, profile, ['--fingerprint', other]);
    const { reason } = await kiosk.event('ended');
    expect(reason).toContain('not the one of --fingerprint');
    await kiosk.stop();
    kiosk = startKiosk(https.links[0]!, profile, [], { PEERCEPTRON_DATA: join(folder, 'elsewhere') });
    expect((await kiosk.event('waiting')).reason).toContain('ERR_CERT');
  });

  it('is trusted by kiosks of the same user without further ado', async () => {
    kiosk = startKiosk(https.links[0]!, profile, [], { PEERCEPTRON_DATA: data });
    expect(await kiosk.event('page', 0, isIn)).toMatchObject({ secure: true, isolated: true });
  });

  it('has the camera for the page of its room, and for no other', async () => {
    const pair = (await new CertificateFolder(join(data, 'https'), () => undefined).read('server'))!;
    const authority = new X509Certificate(readFileSync(join(data, 'https/authority.pem'))).toString();
    const page = await serveCameraPage(pair);
    const { port } = page.address() as AddressInfo;
    const browser: KioskBrowser = await startBrowser({
      executable: findChromium(undefined),
      // A camera that there really is; whether it may be used is asked as ever.
      flags: [fakeCamera[0]!, ...kioskChromiumFlags({ profileDir: profile, screen: false, isRoot })],
      env: await trustingEnvironment(authority, join(folder, 'home')),
      trustedOrigins: [`https://127.0.0.1:${port}`],
      clock: systemClock,
    });
    const expectAt = async (host: string, phase: string): Promise<void> => {
      expect(await browser.show(`https://${host}:${port}/`)).toBeUndefined();
      const said = expect.poll(async () => (await browser.heartbeat(10_000))?.phase, { timeout: 20_000 });
      await said.toBe(phase);
    };
    try {
      await expectAt('127.0.0.1', 'camera granted, a live picture');
      await expectAt('localhost', 'camera prompt');
    } finally {
      await browser.stop();
      page.close();
      page.closeAllConnections();
    }
  });
});

/** A page that says in its heartbeat how it stands with the camera. */
async function serveCameraPage(pair: { readonly cert: string; readonly key: string }): Promise<Server> {
  const script = `
    let phase = 'asking';
    globalThis.peerceptronHeartbeat = () =>
      ({ beat: 1, phase, frames: 0, busyMs: 0, secure: isSecureContext, isolated: crossOriginIsolated });
    const { state } = await navigator.permissions.query({ name: 'camera' });
    phase = 'camera ' + state;
    if (state === 'granted') {
      const stream = await navigator.mediaDevices.getUserMedia({ video: true });
      if (stream.getVideoTracks()[0].readyState === 'live') phase += ', a live picture';
    }`;
  const server = createServer({ cert: pair.cert, key: pair.key }, (_request, response) => {
    response.setHeader('Content-Type', 'text/html');
    response.end(`<!doctype html><script type="module">${script}</script>`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
