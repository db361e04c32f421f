import { PeerceptronError } from '../../src/shared/errors.ts';
import type { Ran, ServiceHost } from './service-host.ts';
import { SERVICE, serviceUnit } from './unit.ts';

const UNIT = `${SERVICE}.service`;
export const UNIT_FILE = `/etc/systemd/system/${UNIT}`;
const FOLDER = '/etc/peerceptron';
export const LINK_FILE = `${FOLDER}/room-link`;
export const CONFIG_FILE = `${FOLDER}/peer.json`;

export interface ServiceProgram {
  /** Node's executable, and the built `cli.js`; both absolute. */
  readonly node: string;
  readonly program: string;
}

export interface InstallOptions extends ServiceProgram {
  /** A room link that was parsed before. */
  readonly link: string;
  /** Settings of `join`, by flags without dashes. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly memoryMax: string;
}

export const unavailable = (message: string): PeerceptronError =>
  new PeerceptronError('SERVICE_UNAVAILABLE', message);

export const unitOf = ({ node, program, memoryMax }: ServiceProgram & { memoryMax: string }): string =>
  serviceUnit({
    node,
    program,
    linkFile: LINK_FILE,
    configFile: CONFIG_FILE,
    memoryMax,
    isProgramAtHome: [node, program].some((path) => /^\/(home|root)\//.test(path)),
  });

/**
 * Writes link, settings and unit, and starts the service, now and with the machine. A service that is there already is given the new ones.
 * @throws SERVICE_UNAVAILABLE
 */
export async function installService(host: ServiceHost, options: InstallOptions): Promise<void> {
  await demand(host, 'install');
  await demandProgram(host, options);
  await host.write(LINK_FILE, `${options.link}\n`, 0o600);
  await host.write(CONFIG_FILE, `${JSON.stringify(options.settings, undefined, 2)}\n`, 0o644);
  await host.write(UNIT_FILE, unitOf(options), 0o644);
  await systemctl(host, ['daemon-reload']);
  await systemctl(host, ['enable', UNIT]);
  await systemctl(host, ['restart', UNIT]);
}

/**
 * Stops the service, which lets the others go on without it first, and takes away all that was written for it, its cache included.
 * @throws SERVICE_UNAVAILABLE
 */
export async function removeService(host: ServiceHost): Promise<void> {
  await demand(host, 'remove');
  if ((await serviceState(host)).LoadState === 'not-found')
    throw unavailable(`there is no service '${SERVICE}' on this machine; nothing was removed`);
  await systemctl(host, ['disable', '--now', UNIT]);
  // It fails where there is nothing to clean.
  await host.run('systemctl', ['clean', '--what=cache', UNIT]);
  await host.remove(UNIT_FILE);
  await host.remove(FOLDER);
  await systemctl(host, ['daemon-reload']);
}

/** By systemd's names. */
export type ServiceState = Readonly<Partial<Record<(typeof PROPERTIES)[number], string>>>;

const PROPERTIES = [
  'LoadState',
  'UnitFileState',
  'ActiveState',
  'SubState',
  'MainPID',
  'NRestarts',
  'ActiveEnterTimestamp',
  'MemoryCurrent',
  'CPUUsageNSec',
] as const;

/** @throws SERVICE_UNAVAILABLE */
export async function serviceState(host: ServiceHost): Promise<ServiceState> {
  await demandSystemd(host);
  const output = await systemctl(host, ['show', UNIT, `--property=${PROPERTIES.join(',')}`]);
  const pairs = output.split('\n').flatMap((line) => {
    const at = line.indexOf('=');
    return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1)] as const];
  });
  return Object.fromEntries(pairs);
}

/** Shows the journal of the service on this terminal. @throws SERVICE_UNAVAILABLE */
export async function showLogs(
  host: ServiceHost,
  { lines, follow }: { readonly lines: number; readonly follow: boolean },
): Promise<void> {
  await demandSystemd(host);
  const args = ['--unit', UNIT, '--lines', String(lines), '--no-pager', ...(follow ? ['--follow'] : [])];
  const ran = await host.run('journalctl', args, 'shows');
  if (ran.code === undefined) throw unavailable(`journalctl cannot be run: ${ran.output}`);
}

async function demand(host: ServiceHost, verb: string): Promise<void> {
  await demandSystemd(host);
  if (!host.isRoot)
    throw unavailable(
      `only root may ${verb} a service: run "sudo peerceptron service ${verb}" (--dry-run shows what would be written)`,
    );
}

async function demandSystemd(host: ServiceHost): Promise<void> {
  if (await host.isBootedBySystemd()) return;
  throw unavailable(
    'systemd does not run this machine, and no other system of services is supported: start "peerceptron join --url-file <file>" by what this machine has; it waits for its room for ever, and ends in order on SIGTERM',
  );
}

/** A user that exists for the service alone has to be able to read it, now and after the next clean-up. */
async function demandProgram(host: ServiceHost, { node, program }: ServiceProgram): Promise<void> {
  const advice = 'install it for everybody first: "sudo npm install --global peerceptron"';
  if (/[/\\]_npx[/\\]/.test(program))
    throw unavailable(`this program lies in a cache of npx, which npm may empty at any time; ${advice}`);
  for (const path of [node, program])
    if (!(await host.isReadableByAll(path)))
      throw unavailable(`the service would run as a user of its own, who cannot read ${path}; ${advice}`);
}

/** @throws SERVICE_UNAVAILABLE with what it says */
async function systemctl(host: ServiceHost, args: readonly string[]): Promise<string> {
  const { code, output }: Ran = await host.run('systemctl', args);
  if (code !== 0)
    throw unavailable(`"systemctl ${args.join(' ')}" failed: ${output.trim() || `code ${code ?? 'none'}`}`);
  return output;
}
