import { chmodSync, lstatSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { autostart } from '../../../../headless/kiosk/autostart.ts';
import { kioskChromiumFlags } from '../../../../headless/kiosk/chromium-flags.ts';
import { findChromium } from '../../../../headless/kiosk/find-chromium.ts';
import { kioskAddress, kioskOrigins } from '../../../../headless/kiosk/kiosk-address.ts';
import { prepareProfile } from '../../../../headless/kiosk/profile-folder.ts';
import { waitingPage, whatThen } from '../../../../headless/kiosk/waiting-page.ts';
import { parseRoomLink } from '../../../../src/protocol/room-link.ts';

const secret = '0123456789abcdefghjkmnpqrs';
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'peerceptron-kiosk-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('the address of a kiosk', () => {
  it('is the page beside that of the link', () => {
    const address = (text: string) => kioskAddress(parseRoomLink(text), { dim: 'never', engine: 'wasm' });
    expect(address(`http://pi.local:8080/#red-wren.${secret}`)).toBe(
      `http://pi.local:8080/kiosk.html?dim=never&engine=wasm#red-wren.${secret}`,
    );
    expect(address(`https://host/below/kiosk#peerjs:0.peerjs.com/red-wren.${secret}`)).toBe(
      `https://host/below/kiosk.html?dim=never&engine=wasm#peerjs:0.peerjs.com/red-wren.${secret}`,
    );
    const plain = parseRoomLink(`https://host/#red-wren.${secret}`);
    expect(kioskAddress(plain, {})).toBe(`https://host/kiosk.html#red-wren.${secret}`);
  });

  it('has the camera at the places of the page, and nowhere else', () => {
    const origins = (text: string) => kioskOrigins(parseRoomLink(`${text}#red-wren.${secret}`));
    expect(origins('https://host/below/')).toEqual(['https://host']);
    expect(origins('http://pi.local:8080/')).toEqual(['http://pi.local:8080', 'https://pi.local:8080']);
  });
});

describe('the flags of a kiosk', () => {
  const flags = (options: { readonly screen?: boolean; readonly isRoot?: boolean }) =>
    kioskChromiumFlags({ profileDir: '/data/kiosk', screen: false, isRoot: false, ...options });

  it('drive it over a pipe, in a profile of its own, with the page that says nothing', () => {
    for (const screen of [true, false]) {
      const given = flags({ screen });
      expect(given).toContain('--remote-debugging-pipe');
      expect(given).toContain('--user-data-dir=/data/kiosk');
      expect(given.filter((flag) => !flag.startsWith('--'))).toEqual(['about:blank']);
      expect(given.filter((flag) => flag.startsWith('--disable-features='))).toHaveLength(1);
    }
  });

  it('keep the sandbox for everybody but root', () => {
    expect(flags({})).not.toContain('--no-sandbox');
    expect(flags({ isRoot: true })).toContain('--no-sandbox');
  });

  it('are for a screen, or for none', () => {
    expect(flags({ screen: true })).toContain('--kiosk');
    expect(flags({ screen: true })).not.toContain('--headless');
    expect(flags({})).toContain('--headless');
  });
});

describe('the browser of a kiosk', () => {
  it('is the named one, that of the environment, or one on PATH', () => {
    const program = join(folder, 'chromium');
    writeFileSync(program, '');
    expect(() => findChromium(program, {})).toThrow(/--chromium: .* is not an executable file/);
    chmodSync(program, 0o755);
    expect(findChromium(program, {})).toBe(program);
    expect(findChromium(undefined, { CHROME_BIN: program })).toBe(program);
    expect(findChromium(undefined, { PATH: folder })).toBe(program);
  });

  it('is asked for with a code where it is missing', () => {
    expect(() => findChromium(undefined, { CHROME_BIN: join(folder, 'gone') })).toThrow(
      expect.objectContaining({ code: 'CHROMIUM_MISSING' }) as Error,
    );
  });
});

describe('the profile of a kiosk', () => {
  it('is readable by this user alone', async () => {
    const path = join(folder, 'a/profile');
    await prepareProfile(path);
    expect(statSync(path).mode & 0o077).toBe(0);
  });

  it('is taken from browsers that are gone, whoever has their number now', async () => {
    const lock = join(folder, 'SingletonLock');
    for (const holder of [
      `elsewhere-${process.pid}`,
      `${hostname()}-999999999`,
      `${hostname()}-${process.pid}`,
    ]) {
      symlinkSync(holder, lock);
      await prepareProfile(folder);
      expect(() => lstatSync(lock)).toThrow(/ENOENT/);
    }
  });
});

describe('autostart', () => {
  const words = ['/usr/bin/node', '/opt/a b/bin.mjs', 'kiosk', '--url-file', '/home/pi/50% "$x"\\y'];

  it('is a unit of the user for a kiosk without a screen', () => {
    const { kind, file, content } = autostart(words, false, { HOME: '/home/pi' });
    expect({ kind, file }).toEqual({
      kind: 'systemd',
      file: '/home/pi/.config/systemd/user/peerceptron-kiosk.service',
    });
    expect(content).toContain(
      'ExecStart=/usr/bin/node "/opt/a b/bin.mjs" kiosk --url-file "/home/pi/50%% \\"$$x\\"\\\\y"\n',
    );
    expect(content).toContain('Restart=always');
  });

  it('is an entry of the desktop for one with a screen', () => {
    const { kind, file, content } = autostart(words, true, { XDG_CONFIG_HOME: '/cfg' });
    expect({ kind, file }).toEqual({ kind: 'desktop', file: '/cfg/autostart/peerceptron-kiosk.desktop' });
    expect(content).toContain(
      'Exec=/usr/bin/node "/opt/a b/bin.mjs" kiosk --url-file "/home/pi/50%% \\\\"\\\\$x\\\\"\\\\\\\\y"\n',
    );
  });
});

describe('the page while the server is away', () => {
  it('names the server and what helps, and runs nothing that a reason could bring', () => {
    const address = waitingPage('pi.local:8080', 'net::ERR_NAME_NOT_RESOLVED <script>');
    const [head, body] = address.split(',') as [string, string];
    expect(head).toBe('data:text/html;base64');
    const html = Buffer.from(body, 'base64').toString();
    expect(html).toContain('Waiting for pi.local:8080');
    expect(html).toContain(whatThen('net::ERR_NAME_NOT_RESOLVED'));
    expect(html).not.toContain('<script>');
  });

  it.each([
    ['net::ERR_CERT_AUTHORITY_INVALID', '--fingerprint'],
    ['net::ERR_NAME_NOT_RESOLVED', 'not known'],
    ['net::ERR_INTERNET_DISCONNECTED', 'no network'],
    ['net::ERR_CONNECTION_REFUSED', 'again and again'],
  ])('says after %s what to do', (reason, todo) => {
    expect(whatThen(reason)).toContain(todo);
  });
});
