import { readFile } from 'node:fs/promises';
import { availableParallelism, hostname } from 'node:os';
import { createInterface } from 'node:readline';
import { Option, type Command } from 'commander';
import pc from 'picocolors';
import { parseRoomLink } from '../../src/protocol/room-link.ts';
import { servePeer, type ServeEvent } from '../../src/runtime/serve-peer.ts';
import { systemClock } from '../../src/mesh/system-clock.ts';
import { DevicePresence } from '../../src/mesh/device-presence.ts';
import type { MeshEvent } from '../../src/mesh/mesh.ts';
import { PeerceptronError } from '../../src/shared/errors.ts';
import { shortId } from '../../src/shared/ids.ts';
import { ENGINE_NAMES, parseEngineName, startEngine } from '../node-engine.ts';
import { openAllowed } from '../guarded-fetch.ts';
import { addCacheFlags, openWeightCache, type CacheFlags } from '../weight-cache.ts';
import { originPolicy } from '../../src/weights/origin-policy.ts';
import { parseCount, parseShare } from '../flags.ts';
import { SharedDevice } from '../../src/runtime/shared-device.ts';
import { joinNodeMesh, type NodeMeshOptions } from '../node-mesh.ts';
import {
  addProfileFlag,
  measureNodeDevice,
  nodeDeviceProfile,
  type ProfileFlags,
} from '../device-profile.ts';
import { offerProfile } from '../../src/runtime/profile-service.ts';
import type { DeviceProfile } from '../../src/planner/profile.ts';
import { defaultMemoryOffer, parseByteSize } from '../platform.ts';
import { createTerminal, formatBytes, formatMs, usage, type Terminal } from '../terminal.ts';

/** One line of `join --json`. */
export type PeerEvent =
  | {
      readonly type: 'engine';
      readonly engine: string;
      readonly refused: readonly string[];
      /** What each of those took that were compared, milliseconds for the same tile. */
      readonly timesMs?: Readonly<Record<string, number>>;
    }
  | {
      readonly type: 'joined';
      readonly id: string;
      readonly room: string;
      readonly memoryBytes: number;
      readonly share: number;
    }
  | { readonly type: 'mesh'; readonly event: MeshEvent }
  | { readonly type: 'serve'; readonly event: ServeEvent }
  /** How fast this device is, for planners; `measured`: just now. */
  | { readonly type: 'profile'; readonly profile: DeviceProfile; readonly measured: boolean }
  /** The part of the processor that the mesh gets from now on. */
  | { readonly type: 'share'; readonly share: number }
  | { readonly type: 'left' };

/**
 * A line that the program that started a peer (`--parent`) may write to its standard input: another `--share`; `steady` where it
 * plays a device (`Engine.setShare`).
 */
export interface ParentMessage {
  readonly share: number;
  readonly steady?: boolean;
}

interface JoinFlags extends CacheFlags, ProfileFlags {
  readonly allowOrigin?: readonly string[];
  readonly json?: boolean;
  readonly name?: string;
  readonly memory?: string;
  readonly engine: string;
  readonly threads?: number;
  readonly share: number;
  readonly urlFile?: string;
  readonly parent?: boolean;
}

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
    .option('--name <name>', 'how this device is called in the room', hostname())
    .option('--memory <size>', 'memory offered, e.g. 512MB (default: half of what there is)')
    .addOption(new Option('--engine <engine>', 'what computes').choices([...ENGINE_NAMES]).default('auto'))
    .option(
      '--threads <n>',
      'that compute a tile together, on the native engine (default: one per core; one with a part of a core)',
      parseCount,
    )
    .addOption(
      new Option('--share <part>', 'how much of a processor core the mesh gets, e.g. 25%')
        .argParser(parseShare)
        .default(1, 'all'),
    )
    .option('--json', 'one JSON event per line')
    .option('--parent', 'end when stdin ends (for peers started by another program)')
    .option(
      '--allow-origin <url>',
      'also fetch weights from this server (repeatable; "public": from any with a public address)',
      collect,
    )
    .action(async (url: string | undefined, flags: JoinFlags) => join(url, flags, parts));
  addCacheFlags(command);
  addProfileFlag(command);
}

const collect = (value: string, before: readonly string[] = []): string[] => [...before, value];

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

async function join(
  url: string | undefined,
  flags: JoinFlags,
  parts: Pick<NodeMeshOptions, 'openRtc'>,
): Promise<void> {
  const terminal = createTerminal(flags.json ?? false);
  const emit = (event: PeerEvent): void => {
    if (terminal.json) process.stdout.write(`${JSON.stringify(event, plainErrors)}\n`);
    else narrate(terminal, event);
  };
  const link = parseRoomLink(await roomLinkFrom(url, flags.urlFile));
  const memoryBytes = flags.memory ? parseByteSize(flags.memory) : defaultMemoryOffer();
  const policy = originPolicy(link.origin, flags.allowOrigin ?? []);
  const cache = await openWeightCache(flags, (sentence) => terminal.note(sentence));
  const threads = flags.threads ?? (flags.share < 1 ? 1 : availableParallelism());
  const { engine, refused, timesMs } = await startEngine(parseEngineName(flags.engine), { threads });
  emit({
    type: 'engine',
    engine: engine.name,
    refused: refused.map(({ candidate, reason }) => `${candidate}: ${reason}`),
    ...(timesMs ? { timesMs: Object.fromEntries(timesMs) } : {}),
  });

  // The room need not wait for it. Peers that another program starts share this machine with each other: what they get of
  // it is measured when somebody plans, and holds for no other time.
  const measure = async (): Promise<DeviceProfile> => {
    if (flags.parent) return measureNodeDevice(engine);
    const known = await nodeDeviceProfile(engine, flags);
    emit({ type: 'profile', ...known });
    return known.profile;
  };
  const device = new SharedDevice({ engine, share: flags.share, measure });
  await device.setShare(flags.share);
  if (!flags.parent) void device.profile().catch(() => undefined);
  const { mesh, node } = await joinNodeMesh({
    link,
    name: flags.name ?? hostname(),
    ...parts,
    serves: {
      engine: engine.name,
      accuracy: engine.accuracy,
      ...(engine.weightStorage ? { weightStorage: engine.weightStorage } : {}),
      memoryBytes,
    },
  });
  mesh.subscribe((event) => emit({ type: 'mesh', event }));
  const presence = new DevicePresence({
    mesh,
    node,
    clock: systemClock,
    facts: () => ({ share: device.share, macsPerSecond: device.macsPerSecond }),
  });
  const service = servePeer({
    node,
    engine,
    memoryBytes,
    clock: systemClock,
    weights: { cache: cache.blocks, open: (url) => openAllowed(url, policy) },
    onEvent: (event) => {
      presence.onServe(event);
      emit({ type: 'serve', event });
    },
  });
  offerProfile({ node, clock: systemClock, profile: () => device.profile() });
  emit({ type: 'joined', id: mesh.self, room: link.room, memoryBytes, share: flags.share });

  const obey = (line: string): void => {
    const message = parentMessage(line);
    if (message === undefined) return terminal.note(`no such message of a parent: '${line}'`);
    const { share, steady } = message;
    void device.setShare(share, steady === true).then(() => emit({ type: 'share', share }));
  };
  const signalled = (): Promise<void> =>
    new Promise((resolve) => {
      process.once('SIGINT', resolve);
      process.once('SIGTERM', resolve);
    });
  const orphaned = new Promise<void>((resolve) => {
    if (!flags.parent) return;
    process.stdin.once('error', resolve);
    createInterface({ input: process.stdin }).on('line', obey).once('close', resolve);
  });
  await Promise.race([signalled(), orphaned]);
  // Sessions that can do without this device do so first; whoever is in a hurry says so twice. Nobody waits for an orphan.
  await Promise.race([service.leave(), signalled(), orphaned]);
  await service.close();
  await mesh.leave();
  await engine.dispose();
  emit({ type: 'left' });
}

function narrate(terminal: Terminal, event: PeerEvent): void {
  switch (event.type) {
    case 'engine':
      for (const reason of event.refused) terminal.note(`engine refused: ${reason}`);
      terminal.say(
        `Engine: ${pc.bold(event.engine)}, checked against the reference${compared(event.timesMs)}.`,
      );
      return;
    case 'joined':
      terminal.say(
        `Joined room ${pc.bold(event.room)} as ${shortId(event.id)}, offering ${formatBytes(event.memoryBytes)}${partOf(event.share)}. Ctrl-C leaves.`,
      );
      return;
    case 'profile':
      if (event.measured) terminal.note('measured how fast this device computes; kept for the next time');
      return;
    case 'mesh':
      narrateMesh(terminal, event.event);
      return;
    case 'serve':
      narrateServe(terminal, event.event);
      return;
    case 'share':
      return;
    case 'left':
      terminal.say('Left the room.');
  }
}

const compared = (timesMs: Readonly<Record<string, number>> = {}): string =>
  Object.keys(timesMs).length === 0
    ? ''
    : ` (${Object.entries(timesMs)
        .map(([name, ms]) => `${name} ${formatMs(ms)}`)
        .join(', ')} for the same tile)`;

function parentMessage(line: string): ParentMessage | undefined {
  try {
    const message = JSON.parse(line) as ParentMessage;
    return message.share > 0 && message.share <= 1 ? message : undefined;
  } catch {
    return undefined;
  }
}

const partOf = (share: number): string =>
  share < 1 ? ` and ${Math.round(share * 100)} % of a processor` : '';

function narrateMesh(terminal: Terminal, event: MeshEvent): void {
  if (event.type === 'signaling' && event.state === 'lost') {
    terminal.note(`signaling lost, trying again: ${event.error?.message ?? ''}`);
  } else if (event.type === 'member' && event.member.state === 'connected') {
    const { capabilities, id, reconnecting } = event.member;
    const what = reconnecting ? 'lost the connection, reconnecting to' : 'connected to';
    terminal.note(`${what} ${capabilities.name} (${shortId(id)})`);
  } else if (event.type === 'member' && event.member.state === 'failed') {
    terminal.note(`${shortId(event.member.id)}: ${event.member.error.message}`);
  }
}

function narrateServe(terminal: Terminal, event: ServeEvent): void {
  switch (event.type) {
    case 'session-loading':
      terminal.bars([
        {
          label: event.model,
          done: event.loadedBytes,
          total: event.totalBytes,
          format: formatBytes,
          ...(event.loadedBytes >= event.totalBytes ? { state: 'warming up' } : {}),
        },
      ]);
      return;
    case 'session-ready': {
      terminal.endProgress();
      const parts = event.tiles.map(
        ({ ops, firstOp, lastOp }) => `ops ${ops[0]}–${ops[1] - 1} (${firstOp} … ${lastOp})`,
      );
      const random = event.seed === undefined ? '' : `, random weights (seed ${event.seed})`;
      terminal.say(
        `${event.model}${random}: computing ${parts.join(', ') || 'nothing'} of ${event.opCount} ops`,
      );
      return;
    }
    case 'source-set-aside':
      terminal.note(`weights: ${event.source} is given up: ${event.error.code}: ${event.error.message}`);
      return;
    case 'session-refused':
      terminal.endProgress();
      terminal.note(`session refused: ${event.error.message}`);
      return;
    case 'session-ended':
      terminal.endProgress();
      terminal.note(`session ${shortId(event.session)} ended`);
      return;
    case 'tile-done':
      terminal.progress(`frame ${event.frame}: ${formatMs(event.computeMs)}`);
      return;
    case 'tile-failed':
      terminal.note(`tile failed: ${event.error.code}: ${event.error.message}`);
  }
}

/** Errors have no enumerable message of their own. */
const plainErrors = (_key: string, value: unknown): unknown =>
  value instanceof PeerceptronError ? { code: value.code, message: value.message } : value;
