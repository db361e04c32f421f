import { platform } from 'node:os';
import { join, resolve } from 'node:path';
import { Option, type Command } from 'commander';
import pc from 'picocolors';
import { systemClock } from '../../src/mesh/system-clock.ts';
import { formatRoomLink, parseRoomLink, type RoomLink } from '../../src/protocol/room-link.ts';
import { toPeerceptronError } from '../../src/shared/errors.ts';
import { parsePositive } from '../flags.ts';
import { roomLinkFrom } from '../given-link.ts';
import { kioskAuthority, type AuthorityFlags } from '../kiosk/authority.ts';
import { autostart } from '../kiosk/autostart.ts';
import { startBrowser } from '../kiosk/browser.ts';
import { kioskChromiumFlags } from '../kiosk/chromium-flags.ts';
import { findChromium } from '../kiosk/find-chromium.ts';
import { installAutostart, writePrivate } from '../kiosk/install-autostart.ts';
import { keepKiosk, type KioskEvent } from '../kiosk/keep-kiosk.ts';
import { kioskAddress, kioskOrigins } from '../kiosk/kiosk-address.ts';
import { prepareProfile } from '../kiosk/profile-folder.ts';
import { DEFAULT_PULSE_LIMITS } from '../kiosk/pulse.ts';
import { trustingEnvironment } from '../kiosk/trust-store.ts';
import { waitingPage } from '../kiosk/waiting-page.ts';
import { userDataDir } from '../platform.ts';
import { createTerminal, usage, type Terminal } from '../terminal.ts';

interface KioskFlags extends AuthorityFlags {
  readonly urlFile?: string;
  readonly screen?: boolean;
  readonly chromium?: string;
  readonly profile?: string;
  readonly dim?: string;
  readonly engine?: string;
  readonly frozenAfter: number;
  readonly install?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export function addKioskCommand(program: Command): void {
  program
    .command('kiosk')
    .description('keep the kiosk page of a room going in Chromium, with a screen or without')
    .argument('[url]', 'room link; better kept out of the arguments, see --url-file')
    .option('--url-file <file>', 'read the room link from a file (or set PEERCEPTRON_URL)')
    .option('--screen', 'full screen on the display of this device (default: without a display)')
    .option('--chromium <path>', 'the browser (default: CHROMIUM_PATH, CHROME_BIN, or the one on PATH)')
    .option('--profile <dir>', "the browser's own folder (default: kiosk, in the data folder of this user)")
    .option('--fingerprint <sha256>', 'trust the authority of the server that has this fingerprint')
    .option('--authority <file>', 'trust this authority (PEM or DER)')
    .option('--dim <seconds>', 'darken the screen after so long without news; or never, always')
    .addOption(
      new Option('--engine <engine>', 'what computes (default: the fastest that computes right)').choices([
        'webgpu',
        'webgl',
        'wasm',
        'cpu',
      ]),
    )
    .option(
      '--frozen-after <seconds>',
      'start anew when the page has not got on for so long',
      parsePositive,
      DEFAULT_PULSE_LIMITS.silentMs / 1000,
    )
    .option('--install', 'start it by itself: at boot, or with --screen at the login to the desktop')
    .option('--dry-run', 'with --install: only say what would be written')
    .option('--json', 'one JSON event per line')
    .action(async (url: string | undefined, flags: KioskFlags) => {
      await kiosk(url, flags);
    });
}

async function kiosk(url: string | undefined, flags: KioskFlags): Promise<void> {
  if (platform() === 'win32') throw usage('kiosk runs on Linux and macOS');
  const link = parseRoomLink(await roomLinkFrom(url, flags.urlFile));
  // Others on this machine can read arguments; from here on these no longer hold the link.
  if (url !== undefined) process.title = 'peerceptron kiosk';
  const terminal = createTerminal(flags.json ?? false);
  const executable = findChromium(flags.chromium);
  const profileDir = resolve(flags.profile ?? join(userDataDir(), 'kiosk'));
  if (flags.install) return install(link, profileDir, executable, flags, terminal);
  if (flags.dryRun) throw usage('--dry-run belongs to --install');

  await prepareProfile(profileDir);
  const isRoot = process.getuid?.() === 0;
  if (isRoot)
    terminal.note("Chromium's sandbox does not work for root, and is off: better use an ordinary user.");
  const tell = narrator(terminal, link);
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort());
  await keepKiosk({
    url: kioskAddress(link, flags),
    waitingUrl: (reason) => waitingPage(new URL(link.origin).host, reason),
    start: async () => {
      await prepareProfile(profileDir);
      return startBrowser({
        executable,
        flags: kioskChromiumFlags({ profileDir, screen: flags.screen ?? false, isRoot }),
        env: await browserEnvironment(link, profileDir, flags, terminal),
        trustedOrigins: kioskOrigins(link),
        clock: systemClock,
      });
    },
    limits: { ...DEFAULT_PULSE_LIMITS, silentMs: flags.frozenAfter * 1000 },
    clock: systemClock,
    random: () => Math.random(),
    onEvent: (event) => {
      if (terminal.json) process.stdout.write(`${JSON.stringify(event)}\n`);
      else tell(event);
    },
    signal: stop.signal,
  });
}

/** What Chromium is to know of this process's environment, and whom it trusts. */
async function browserEnvironment(
  link: RoomLink,
  profileDir: string,
  flags: KioskFlags,
  terminal: Terminal,
): Promise<NodeJS.ProcessEnv> {
  const { PEERCEPTRON_URL: _link, ...env } = process.env;
  if (platform() !== 'linux') return env;
  const isAsked = flags.authority !== undefined || flags.fingerprint !== undefined;
  try {
    const authority = await kioskAuthority(flags, link, profileDir);
    return authority === undefined
      ? env
      : await trustingEnvironment(authority, join(profileDir, 'home'), env);
  } catch (thrown) {
    if (isAsked) throw thrown;
    terminal.note(toPeerceptronError(thrown).message);
    return env;
  }
}

async function install(
  link: RoomLink,
  profileDir: string,
  executable: string,
  flags: KioskFlags,
  terminal: Terminal,
): Promise<void> {
  const linkFile = resolve(flags.urlFile ?? join(profileDir, 'room-link.txt'));
  const { kind, file, content } = autostart(
    [
      process.execPath,
      resolve(process.argv[1]!),
      'kiosk',
      '--url-file',
      linkFile,
      '--profile',
      profileDir,
      '--chromium',
      resolve(executable),
      ...(flags.screen ? ['--screen'] : []),
      ...(flags.authority === undefined ? [] : ['--authority', resolve(flags.authority)]),
      ...(flags.fingerprint === undefined ? [] : ['--fingerprint', flags.fingerprint]),
      ...(flags.dim === undefined ? [] : ['--dim', flags.dim]),
      ...(flags.engine === undefined ? [] : ['--engine', flags.engine]),
      '--frozen-after',
      String(flags.frozenAfter),
    ],
    flags.screen ?? false,
    process.env,
  );
  if (flags.dryRun) {
    terminal.say(`${pc.bold(file)}\n\n${content}`);
    terminal.result({ kind, file, content, linkFile, written: false });
    return;
  }
  await prepareProfile(profileDir);
  if (flags.urlFile === undefined) await writePrivate(linkFile, `${formatRoomLink(link)}\n`);
  const { running, todo } = await installAutostart({ kind, file, content });
  terminal.say(`Written: ${pc.bold(file)}${running ? ', and started' : ''}.`);
  for (const step of todo) terminal.say(step);
  terminal.result({ kind, file, content, linkFile, written: true, running, todo });
}

/** Says what happens to a person, or to a log. */
function narrator(terminal: Terminal, { origin, room }: RoomLink): (event: KioskEvent) => void {
  let told = '';
  return (event) => {
    if (event.type !== 'page') terminal.endProgress();
    switch (event.type) {
      case 'started':
        return terminal.note(`Chromium runs (process ${event.pid})`);
      case 'waiting':
        return terminal.note(`waiting for ${new URL(origin).host}: ${event.reason}`);
      case 'loaded':
        told = '';
        return terminal.say(`Room ${pc.bold(room)} is shown. Ctrl-C ends the kiosk.`);
      case 'page': {
        const engine = event.engine ? `, engine ${event.engine}` : '';
        const state = `${event.phase}${engine}${event.isolated ? '' : ', without threads and camera'}`;
        if (state !== told) terminal.note(state);
        told = state;
        return terminal.progress(`${event.frames} frames`);
      }
      case 'ended':
        return terminal.note(`${event.reason}; starting anew in ${(event.againInMs / 1000).toFixed(1)} s`);
      case 'stopped':
        return terminal.say('Ended.');
    }
  };
}
