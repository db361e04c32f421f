import { availableParallelism, hostname } from 'node:os';
import type { Command } from 'commander';
import type { Engine } from '../../src/engine/engine.ts';
import type { Mesh } from '../../src/mesh/mesh.ts';
import { systemClock } from '../../src/mesh/system-clock.ts';
import type { DeviceProfile } from '../../src/planner/profile.ts';
import { parseRoomLink } from '../../src/protocol/room-link.ts';
import type { SharedDevice } from '../../src/runtime/shared-device.ts';
import { unreachable } from '../../src/shared/errors.ts';
import { originPolicy } from '../../src/weights/origin-policy.ts';
import { measureNodeDevice, nodeDeviceProfile } from '../device-profile.ts';
import { roomLinkFrom } from '../given-link.ts';
import { measureApart } from '../measure-apart.ts';
import { parseEngineName, type EngineName } from '../node-engine.ts';
import type { NodeMeshOptions } from '../node-mesh.ts';
import { BackOff } from '../peer/back-off.ts';
import type { ParentMessage, PeerEvent } from '../peer/events.ts';
import { livePeer } from '../peer/peer-life.ts';
import { watchPeer } from '../peer/peer-monitor.ts';
import { addPeerSettings, type PeerSettings } from '../peer/peer-settings.ts';
import { PeerTally } from '../peer/peer-tally.ts';
import { reportEvents } from '../peer/report.ts';
import { applySettings } from '../peer/settings.ts';
import { listenForStop } from '../peer/stop.ts';
import { defaultMemoryOffer } from '../platform.ts';
import { createTerminal } from '../terminal.ts';
import { pause } from '../waiting.ts';
import { openWeightCache } from '../weight-cache.ts';

export type { ParentMessage, PeerEvent } from '../peer/events.ts';

interface JoinFlags extends PeerSettings {
  readonly json?: boolean;
  readonly retry: boolean;
  readonly parent?: boolean;
}

/** Of rooms that cannot be entered, and of engines that die. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
/** An engine that has lasted so long was well. */
const WELL_MS = 600_000;

/** `parts`: what programs that are no product put in the place of the product's own. */
export function addJoinCommand(program: Command, parts: Pick<NodeMeshOptions, 'openRtc'> = {}): void {
  const command = program
    .command('join')
    .description('offer this device to a room: join as a headless peer and compute what it is dealt')
    .argument(
      '[url]',
      'room link (https://host/#room.secret); better kept out of the arguments, see --url-file',
    )
    .option('--no-retry', 'end when the room cannot be entered within 15 s, instead of trying for ever')
    .option('--json', 'one JSON event per line')
    .option('--parent', 'end when stdin ends (for peers started by another program)')
    .action(async (url: string | undefined, _flags: JoinFlags, self: Command) => join(url, self, parts));
  addPeerSettings(command);
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
    const applied = device?.setShare(share, message.steady === true) ?? Promise.resolve();
    void applied.then(() => emit({ type: 'share', share }));
  };
  const stop = listenForStop(flags.parent ? obey : undefined);
  const threads = flags.threads ?? (flags.share < 1 ? 1 : availableParallelism());
  const memoryBytes = flags.memory ?? defaultMemoryOffer();
  const cache = await openWeightCache(flags, note);
  const monitor = await watchPeer({ port: flags.metricsPort, tally, mesh: () => mesh, emit });

  // Peers that another program starts share this machine with each other: what they get of it is measured when somebody
  // plans, and holds for no other time.
  const measure = async (engine: Engine, name: EngineName): Promise<DeviceProfile> => {
    if (flags.parent) return measureNodeDevice(engine);
    const known = await nodeDeviceProfile(engine, flags, undefined, () =>
      measureApart(engine, name, threads),
    );
    emit({ type: 'profile', ...known });
    return known.profile;
  };
  const backOff = (): BackOff =>
    new BackOff({ firstMs: FIRST_PAUSE_MS, longestMs: LONGEST_PAUSE_MS, random: Math.random });
  const lasts = flags.retry && !flags.parent;
  const engineBackOff = backOff();
  try {
    for (let over = false; !over;) {
      const startedMs = systemClock.now();
      const end = await livePeer({
        link,
        name: flags.name ?? hostname(),
        engine: parseEngineName(flags.engine),
        threads,
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
          if (systemClock.now() - startedMs > WELL_MS) engineBackOff.reset();
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
