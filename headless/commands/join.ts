import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { Option, type Command } from 'commander';
import type { Engine } from '../../src/engine/engine.ts';
import type { Mesh } from '../../src/mesh/mesh.ts';
import { systemClock } from '../../src/mesh/system-clock.ts';
import type { DeviceProfile } from '../../src/planner/profile.ts';
import { parseRoomLink } from '../../src/protocol/room-link.ts';
import type { SharedDevice } from '../../src/runtime/shared-device.ts';
import { unreachable } from '../../src/shared/errors.ts';
import { originPolicy } from '../../src/weights/origin-policy.ts';
import {
  addProfileFlag,
  measureNodeDevice,
  nodeDeviceProfile,
  type ProfileFlags,
} from '../device-profile.ts';
import { parsePort, parseShare } from '../flags.ts';
import { ENGINE_NAMES, parseEngineName } from '../node-engine.ts';
import type { NodeMeshOptions } from '../node-mesh.ts';
import { BackOff } from '../peer/back-off.ts';
import type { ParentMessage, PeerEvent } from '../peer/events.ts';
import { pause } from '../peer/join-patiently.ts';
import { LOG_FORMATS, LOG_LEVELS } from '../peer/log.ts';
import { livePeer } from '../peer/peer-life.ts';
import { watchPeer } from '../peer/peer-monitor.ts';
import { PeerTally } from '../peer/peer-tally.ts';
import { reportEvents, type ReportFlags } from '../peer/report.ts';
import { addSettings, applySettings } from '../peer/settings.ts';
import { listenForStop } from '../peer/stop.ts';
import { defaultMemoryOffer, parseByteSize } from '../platform.ts';
import { createTerminal, usage } from '../terminal.ts';
import { addCacheFlags, openWeightCache, type CacheFlags } from '../weight-cache.ts';

export type { ParentMessage, PeerEvent } from '../peer/events.ts';

interface JoinFlags extends CacheFlags, ProfileFlags, ReportFlags {
  readonly allowOrigin?: readonly string[];
  readonly json?: boolean;
  readonly name?: string;
  readonly memory?: number;
  readonly engine: string;
  readonly share: number;
  readonly urlFile?: string;
  readonly metricsPort?: number;
  readonly retry: boolean;
  readonly parent?: boolean;
}

/** Of rooms that cannot be entered, and of engines that die. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

/** `parts`: what programs that are no product put in the place of the product's own. */
export function addJoinCommand(program: Command, parts: Pick<NodeMeshOptions, 'openRtc'> = {}): void {
  const command = program
    .command('join')
    .description('offer this device to a room: join as a headless peer and compute what it is dealt')
    .argument(
      '[url]',
      'room link (https://host/#room.secret); better kept out of the arguments, see --url-file',
    )
    .option('--url-file <file>', 'read the room link from a file (or set PEERCEPTRON_URL)')
    .option('--name <name>', 'how this device is called in the room (default: its host name)')
    .option(
      '--memory <size>',
      'memory offered, e.g. 512MB (default: half of what there is, or of the control group’s limit)',
      parseByteSize,
    )
    .addOption(new Option('--engine <engine>', 'what computes').choices([...ENGINE_NAMES]).default('auto'))
    .addOption(
      new Option('--share <part>', 'how much of a processor core the mesh gets, e.g. 25%')
        .argParser(parseShare)
        .default(1, 'all'),
    )
    .option('--no-retry', 'end when the room cannot be entered within 15 s, instead of trying for ever')
    .addOption(
      new Option('--log-level <level>', 'log what happens, one line each, down to this level').choices([
        ...LOG_LEVELS,
      ]),
    )
    .addOption(new Option('--log-format <format>', 'how these lines look').choices([...LOG_FORMATS]))
    .option(
      '--metrics-port <port>',
      'answer /healthz and /metrics (Prometheus) on this port of 127.0.0.1; 0: any free one',
      parsePort,
    )
    .option('--json', 'one JSON event per line')
    .option('--parent', 'end when stdin ends (for peers started by another program)')
    .option(
      '--allow-origin <url>',
      'also fetch weights from this server (repeatable; "public": from any with a public address)',
      collect,
    )
    .action(async (url: string | undefined, _flags: JoinFlags, self: Command) => join(url, self, parts));
  addCacheFlags(command);
  addProfileFlag(command);
  addSettings(command);
}

/** Several in one text where it comes from the environment. */
const collect = (value: string, before: readonly string[] = []): string[] => [
  ...before,
  ...value.split(/\s+/).filter((origin) => origin !== ''),
];

export async function roomLinkFrom(url: string | undefined, urlFile: string | undefined): Promise<string> {
  if (url) return url;
  if (urlFile) {
    try {
      return (await readFile(urlFile, 'utf8')).trim();
    } catch {
      throw usage(`--url-file: '${urlFile}' cannot be read`);
    }
  }
  const fromEnvironment = process.env.PEERCEPTRON_URL;
  if (fromEnvironment) return fromEnvironment;
  throw usage('which room? Give its link as argument, by --url-file, or in PEERCEPTRON_URL');
}

/** As everywhere, the environment goes before the file of `--config`. */
function urlFileOf(command: Command, { urlFile }: JoinFlags): string | undefined {
  const isConfigured = command.getOptionValueSource('urlFile') === 'config';
  return isConfigured && process.env.PEERCEPTRON_URL ? undefined : urlFile;
}

async function join(
  url: string | undefined,
  command: Command,
  parts: Pick<NodeMeshOptions, 'openRtc'>,
): Promise<void> {
  // From here on, lists of processes show no link.
  if (url) process.title = 'peerceptron join';
  await applySettings(command);
  const flags = command.opts<JoinFlags>();
  const terminal = createTerminal(flags.json ?? false);
  const link = parseRoomLink(await roomLinkFrom(url, urlFileOf(command, flags)));
  const tally = new PeerTally();
  const report = reportEvents(terminal, flags, [link.secret]);
  const emit = (event: PeerEvent): void => {
    tally.add(event);
    report(event);
  };
  const note = (text: string): void => emit({ type: 'notice', text });

  let { share } = flags;
  let device: SharedDevice | undefined;
  let mesh: Mesh | undefined;
  const obey = (line: string): void => {
    const message = parentMessage(line);
    if (message === undefined) return note(`no such message of a parent: '${line}'`);
    ({ share } = message);
    void device?.setShare(share, message.steady === true).then(() => emit({ type: 'share', share }));
  };
  const stop = listenForStop(flags.parent ? obey : undefined);
  const memoryBytes = flags.memory ?? defaultMemoryOffer();
  const cache = await openWeightCache(flags, note);
  const monitor = await watchPeer({ port: flags.metricsPort, tally, mesh: () => mesh, emit });

  // Peers that another program starts share this machine with each other: what they get of it is measured when somebody
  // plans, and holds for no other time.
  const measure = async (engine: Engine): Promise<DeviceProfile> => {
    if (flags.parent) return measureNodeDevice(engine);
    const known = await nodeDeviceProfile(engine, flags);
    emit({ type: 'profile', ...known });
    return known.profile;
  };
  const backOff = (): BackOff =>
    new BackOff({ firstMs: FIRST_PAUSE_MS, longestMs: LONGEST_PAUSE_MS, random: Math.random });
  const lasts = flags.retry && !flags.parent;
  const engineBackOff = backOff();
  try {
    for (let over = false; !over;) {
      const end = await livePeer({
        link,
        name: flags.name ?? hostname(),
        engine: parseEngineName(flags.engine),
        memoryBytes,
        share,
        policy: originPolicy(link.origin, flags.allowOrigin ?? []),
        cache,
        clock: systemClock,
        stop,
        emit,
        measure,
        measuresAtOnce: !flags.parent,
        ...(lasts ? { backOff: backOff() } : {}),
        onDevice: (started) => (device = started),
        onMesh: (joined) => (mesh = joined),
        parts,
      });
      switch (end.end) {
        case 'stopped':
          over = true;
          break;
        case 'engine-lost': {
          if (!lasts) throw end.error;
          const retryInMs = engineBackOff.next();
          emit({ type: 'engine-lost', error: end.error, retryInMs });
          await pause(systemClock, retryInMs, stop.asked);
          over = stop.asked.aborted;
          break;
        }
        default:
          unreachable(end);
      }
    }
  } finally {
    monitor?.close();
  }
  emit({ type: 'left' });
}

function parentMessage(line: string): ParentMessage | undefined {
  try {
    const message = JSON.parse(line) as ParentMessage;
    return message.share > 0 && message.share <= 1 ? message : undefined;
  } catch {
    return undefined;
  }
}
