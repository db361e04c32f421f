import { nodeRandomBytes } from '../../headless/platform.ts';
import { startPeerProcesses, type PeerProcess } from '../../headless/peer-processes.ts';
import type { CacheFlags } from '../../headless/weight-cache.ts';
import { createRoomLink, formatRoomLink, type RoomLink } from '../../src/protocol/room-link.ts';
import { PeerceptronError, toPeerceptronError } from '../../src/shared/errors.ts';
import { openCpuGroups } from '../cgroup.ts';
import { joining } from '../cgroup/home.ts';
import { openMemoryGroups, type MemoryGroup, type MemoryGroups } from '../cgroup/memory.ts';
import type { FarmDescription, FarmDevice } from './description.ts';
import { delayEnvironment, hasDelay } from './farm-delay.ts';
import { startLineProcess } from './line-process.ts';
import { openFarmNetwork, type FarmNetwork } from './network.ts';
import { NamespaceFarm } from './namespace-farm.ts';
import type { ProcessUsage } from './process-usage.ts';
import { builtPrograms, type FarmPrograms } from './programs.ts';
import type { Traffic } from './shaping.ts';

export interface FarmOptions {
  readonly description: FarmDescription;
  /** Progress, and what cannot be limited here. */
  readonly say: (line: string) => void;
  /** Default: those that are built beside the running benchmark. */
  readonly programs?: FarmPrograms;
  /** Default: none, for peers would share it. */
  readonly cache?: (name: string) => CacheFlags;
  /** Models that the room's server hands out. */
  readonly modelsDir?: string;
  /** A peer ended by itself, as when it wanted more memory than it has. */
  readonly onExit?: (name: string, code: number | null) => void;
}

export interface DeviceFigures extends ProcessUsage, Traffic {
  readonly name: string;
}

export interface Farm {
  readonly description: FarmDescription;
  readonly network: FarmNetwork;
  /** As its devices reach it. */
  readonly room: RoomLink;
  /** In the order of the description. */
  readonly peers: readonly PeerProcess[];
  /** Whether devices have the memory that they should, and no more. */
  readonly limitsMemory: boolean;
  /** What a program is started by to run on the requester's device. */
  readonly requesterCommand: readonly string[];
  /** Its environment: the room's link, the device's delay. */
  readonly requesterEnvironment: Readonly<Record<string, string>>;
  /** The requester's program, started so, is limited with the others, and at once while those are. One at a time. */
  adoptRequester(pid: number): Promise<void>;
  /** Everything is as on its device from now on; before, it is quick. */
  limit(): Promise<void>;
  free(): Promise<void>;
  /** Of the devices with peers, in their order, then of the requester's if there is a program. */
  figures(): readonly DeviceFigures[];
  /** Of memory: they count from now on. */
  resetPeaks(): void;
}

/**
 * What a peer takes before it holds anything of a model (80 MB, as `npm run bench -- idle` has it of one that the service starts), and 32 MB
 * for what is under way, as docs/benchmarking.md has it under "Memory of peer processes".
 */
export const OWN_BYTES = 112e6;

/**
 * Starts the network, a server, and a peer on every device, all joined to one room. `undo` is filled as they come up.
 * @throws USAGE where this machine cannot, with what is missing
 */
export async function openFarm(undo: (() => unknown)[], options: FarmOptions): Promise<Farm> {
  const { description, say, programs = builtPrograms() } = options;
  const all = [...description.devices, description.requester];
  // What runs in namespaces that were left behind is ended before the control groups that were.
  const network = openFarmNetwork(all);
  undo.push(() => network.close());
  const memory = memoryGroups(all, undo, say);
  const room = await openRoom(network, programs.signaling, options.modelsDir, undo);
  const command = ({ name }: FarmDevice): string[] => {
    const group = memory.get(name);
    return [...(group ? joining(group.joinFile) : []), ...network.commandOf(name)];
  };
  const byName = new Map(all.map((device, index) => [device.name, { device, index }]));
  const peers = await startPeerProcesses({
    url: formatRoomLink(room),
    count: description.devices.length,
    nameOf: (index) => description.devices[index]!.name,
    engine: 'wasm',
    threads: 1,
    memory: (name) => String(offeredBytes(byName.get(name)!.device)),
    cache: options.cache ?? (() => ({ cache: false })),
    start: (name) => {
      const { device, index } = byName.get(name)!;
      const program = hasDelay(device) ? programs.delayedPeer : programs.peer;
      return { command: command(device), program, env: delayEnvironment(device, index) };
    },
    ...(options.onExit ? { onExit: options.onExit } : {}),
  });
  undo.push(() => Promise.all(peers.map((peer) => peer.stop())));
  // First of all free the peers: limited ones take their time to end.
  const groups = openCpuGroups();
  undo.push(() => groups.release());
  return new NamespaceFarm({ description, network, room, peers, memory, groups, command });
}

async function openRoom(
  network: FarmNetwork,
  program: string,
  modelsDir: string | undefined,
  undo: (() => unknown)[],
): Promise<RoomLink> {
  const args = [network.switchAddress, ...(modelsDir === undefined ? [] : [modelsDir])];
  const server = startLineProcess([...network.switchCommand, process.execPath, program, ...args]);
  undo.push(() => server.end());
  const { port } = (await server.next()) as { readonly port: number };
  return createRoomLink(`http://${network.switchAddress}:${port}/`, nodeRandomBytes, 'farm');
}

/**
 * What a device offers to plans, of its memory.
 * @throws USAGE where a peer by itself takes all of it
 */
export function offeredBytes(device: FarmDevice): number {
  const bytes = device.memoryBytes - OWN_BYTES;
  if (bytes > 0) return Math.floor(bytes);
  throw new PeerceptronError(
    'USAGE',
    `'${device.name}' has ${device.memoryBytes / 1e6} MB, and a peer takes ${OWN_BYTES / 1e6} MB by itself`,
  );
}

function memoryGroups(
  devices: readonly FarmDevice[],
  undo: (() => unknown)[],
  say: (line: string) => void,
): ReadonlyMap<string, MemoryGroup> {
  let groups: MemoryGroups;
  try {
    groups = openMemoryGroups();
  } catch (thrown) {
    const { code, message } = toPeerceptronError(thrown);
    if (code !== 'USAGE') throw thrown;
    say(`memory is not limited, only measured: ${message}`);
    return new Map();
  }
  undo.push(() => groups.release());
  return new Map(devices.map(({ name }) => [name, groups.open(name)]));
}
