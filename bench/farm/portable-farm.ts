import { openLocalRoom } from '../../headless/local-room.ts';
import { startPeerProcesses } from '../../headless/peer-processes.ts';
import type { FarmDescription } from './description.ts';
import { offeredBytes, type DeviceFigures, type Farm, type FarmOptions } from './devices.ts';
import type { FarmNetwork } from './network.ts';
import { resetPeak, usageOf } from './process-usage.ts';
import { builtPrograms } from './programs.ts';

const LOOPBACK = '127.0.0.1';

/** Whether this machine tells what processes use. */
const hasProc = process.platform === 'linux';

/**
 * A farm for machines and users that cannot make one of network namespaces: computing is held back as on every farm; links are this
 * machine's loopback, and what else devices do has no limit. It shows that plans work, and says nothing of links.
 */
export async function openPortableFarm(
  undo: (() => unknown)[],
  { description, programs = builtPrograms() }: Omit<FarmOptions, 'say'>,
): Promise<Farm> {
  const { devices, requester } = description;
  const room = await openLocalRoom({ port: 0, host: LOOPBACK, room: 'farm' });
  undo.push(() => room.server.close());
  const url = room.urlAt(LOOPBACK);
  const peers = await startPeerProcesses({
    url,
    count: devices.length,
    nameOf: (index) => devices[index]!.name,
    engine: 'wasm',
    threads: 1,
    memory: (name) => String(offeredBytes(devices.find((each) => each.name === name)!)),
    cache: () => ({ cache: false }),
    program: programs.peer,
  });
  undo.push(() => Promise.all(peers.map((peer) => peer.stop())));
  let requesterPid: number | undefined;
  const running = (): { readonly name: string; readonly pid: number }[] => [
    ...peers.map(({ pid }, index) => ({ name: devices[index]!.name, pid })),
    ...(requesterPid === undefined ? [] : [{ name: requester.name, pid: requesterPid }]),
  ];
  return {
    description,
    network: loopback(description),
    room: room.link,
    peers,
    limitsMemory: false,
    requesterCommand: [],
    requesterEnvironment: { PEERCEPTRON_URL: url },
    adoptRequester(pid) {
      requesterPid = pid;
      return Promise.resolve();
    },
    async limit() {
      await Promise.all(peers.map((peer, index) => peer.setShare(devices[index]!.share, true)));
    },
    async free() {
      await Promise.all(peers.map((peer) => peer.setShare(1, true)));
    },
    figures: () => running().map(({ name, pid }) => ({ name, ...used(pid), sentBytes: 0, receivedBytes: 0 })),
    resetPeaks() {
      if (hasProc) for (const { pid } of running()) resetPeak(pid);
    },
  };
}

const used = (pid: number): Omit<DeviceFigures, 'name' | 'sentBytes' | 'receivedBytes'> =>
  hasProc ? usageOf(pid) : { computeMs: 0, otherMs: 0, residentBytes: 0, peakResidentBytes: 0 };

/** Nothing of it is limited, or counted. */
function loopback({ devices, requester }: FarmDescription): FarmNetwork {
  const nothing = { sentBytes: 0, receivedBytes: 0 };
  const traffic = new Map([...devices, requester].map(({ name }) => [name, nothing]));
  return {
    switchAddress: LOOPBACK,
    addressOf: () => LOOPBACK,
    switchCommand: [],
    commandOf: () => [],
    setRate: () => undefined,
    traffic: () => traffic,
    close: () => undefined,
  };
}
