import { readFile, realpath } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { InvalidArgumentError, type Command } from 'commander';
import pc from 'picocolors';
import { formatRoomLink, parseRoomLink } from '../../src/protocol/room-link.ts';
import { parseCount } from '../flags.ts';
import { addPeerSettings, type PeerSettings } from '../peer/peer-settings.ts';
import { applySettings, settingsOf } from '../peer/settings.ts';
import { systemHost, type ServiceHost } from '../service/service-host.ts';
import {
  CONFIG_FILE,
  installService,
  LINK_FILE,
  removeService,
  serviceState,
  showLogs,
  UNIT_FILE,
  unitOf,
  type ServiceProgram,
  type ServiceState,
} from '../service/service.ts';
import { createTerminal, EXIT, formatBytes, type Terminal } from '../terminal.ts';
import { roomLinkFrom } from '../given-link.ts';

interface InstallFlags extends PeerSettings {
  readonly memoryMax: string;
  readonly dryRun?: boolean;
}

const DEFAULT_MEMORY_MAX = '80%';
/** Where a service can be asked how it is, unless it is told otherwise. */
const DEFAULT_METRICS_PORT = 9464;

export function addServiceCommand(program: Command, host: ServiceHost = systemHost): void {
  const service = program
    .command('service')
    .description('keep this device in a room: a systemd service that starts with the machine');
  const install = service
    .command('install')
    .description('write the service, and start it; its settings are those of join')
    .argument('[url]', 'room link; better kept out of the arguments, see --url-file')
    .option(
      '--memory-max <size>',
      'what it may use at most, as systemd takes it',
      parseMemoryMax,
      DEFAULT_MEMORY_MAX,
    )
    .option('--dry-run', 'print the unit and the settings, and do nothing')
    .action(async (url: string | undefined, _flags: InstallFlags, self: Command) =>
      runInstall(host, url, self),
    );
  addPeerSettings(install);
  service
    .command('status')
    .description('whether it runs, and what it says of itself; exits with 1 where it does not')
    .option('--json', 'one JSON document')
    .action(async ({ json }: { json?: boolean }) => runStatus(host, createTerminal(json ?? false)));
  service
    .command('logs')
    .description('what it has logged')
    .option('--lines <n>', 'so many of the latest lines', parseCount, 100)
    .option('--follow', 'go on with those that come')
    .action(async ({ lines, follow }: { lines: number; follow?: boolean }) =>
      showLogs(host, { lines, follow: follow ?? false }),
    );
  service
    .command('remove')
    .description('stop it, and take away all that was written for it')
    .action(async () => {
      await removeService(host);
      createTerminal(false).say('The service is gone, and so are its link, its settings and its cache.');
    });
  for (const command of service.commands)
    command.exitOverride().showHelpAfterError('(add --help for what there is)');
}

/** As systemd takes it, and nothing that would end the line. */
function parseMemoryMax(text: string): string {
  if (/^(\d+(\.\d+)?[KMGT]?|[1-9]\d?%|100%|infinity)$/.test(text)) return text;
  throw new InvalidArgumentError('expected a size or a part of the memory, as 512M or 80%.');
}

async function runInstall(host: ServiceHost, url: string | undefined, command: Command): Promise<void> {
  await applySettings(command);
  const flags = command.opts<InstallFlags>();
  const terminal = createTerminal(false);
  const settings = chosenSettings(command);
  const program = await installedProgram();
  const { memoryMax } = flags;
  if (flags.dryRun) {
    terminal.say(pc.dim(`# ${LINK_FILE}: the room link, mode 0600`));
    terminal.say(pc.dim(`# ${CONFIG_FILE}: ${JSON.stringify(settings)}`));
    terminal.say(`${pc.dim(`# ${UNIT_FILE}`)}\n${unitOf({ ...program, memoryMax })}`);
    return;
  }
  const link = formatRoomLink(parseRoomLink(await roomLinkFrom(url, flags.urlFile)));
  await installService(host, { ...program, link, settings, memoryMax });
  terminal.say(
    `The service runs, and starts with this machine. ${pc.bold('peerceptron service status')} says how it is, ${pc.bold('peerceptron service logs')} what it does.`,
  );
}

/** By flags without dashes, as `join --config` reads them: what was said, and what a service needs. */
function chosenSettings(command: Command): Readonly<Record<string, unknown>> {
  const notForFile = ['--url-file', '--config', '--memory-max'];
  const chosen = settingsOf(command).flatMap((option) => {
    const source = command.getOptionValueSource(option.attributeName());
    const isChosen = source !== undefined && source !== 'default' && !notForFile.includes(option.long!);
    const value = command.getOptionValue(option.attributeName()) as unknown;
    return isChosen ? [[option.long!.slice(2), value] as const] : [];
  });
  return { 'log-level': 'info', 'metrics-port': DEFAULT_METRICS_PORT, ...Object.fromEntries(chosen) };
}

/** Without links on the way: those of a version manager change with the version. */
async function installedProgram(): Promise<ServiceProgram> {
  return {
    node: await realpath(process.execPath),
    // In the built program this file is part of a chunk beside cli.js.
    program: await realpath(fileURLToPath(new URL('./cli.js', import.meta.url))),
  };
}

async function runStatus(host: ServiceHost, terminal: Terminal): Promise<void> {
  const state = await serviceState(host);
  const isActive = state.ActiveState === 'active';
  const health = isActive ? await healthOfService() : undefined;
  terminal.result({ ...state, health: health ?? null });
  terminal.say(describeState(state));
  for (const [name, value] of Object.entries(health ?? {}))
    terminal.say(`  ${name}: ${JSON.stringify(value)}`);
  if (!isActive) process.exitCode = EXIT.failed;
}

function describeState(state: ServiceState): string {
  if (state.LoadState === 'not-found')
    return 'There is no such service on this machine: "sudo peerceptron service install --url-file <file>" makes one.';
  const facts = [
    `${pc.bold(state.ActiveState ?? 'unknown')} (${state.SubState ?? 'unknown'})`,
    state.ActiveEnterTimestamp ? `since ${state.ActiveEnterTimestamp}` : '',
    `${state.UnitFileState === 'enabled' ? 'starts' : 'does not start'} with the machine`,
    `restarted ${state.NRestarts ?? '0'} times`,
    Number(state.MemoryCurrent) > 0 ? formatBytes(Number(state.MemoryCurrent)) : '',
  ];
  return facts.filter((fact) => fact !== '').join(', ');
}

/** What the peer says of itself; undefined where it does not answer. */
async function healthOfService(): Promise<Readonly<Record<string, unknown>> | undefined> {
  try {
    const settings = JSON.parse(await readFile(CONFIG_FILE, 'utf8')) as Readonly<Record<string, unknown>>;
    const port = Number(settings['metrics-port']);
    const response = await fetch(`http://127.0.0.1:${port}/healthz`, { signal: AbortSignal.timeout(2000) });
    return (await response.json()) as Readonly<Record<string, unknown>>;
  } catch {
    return undefined;
  }
}
