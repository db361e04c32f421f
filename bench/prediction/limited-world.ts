import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { COMPUTE_THREAD, connectionProcessor } from '../../headless/connection-processor.ts';
import { openLocalRoom } from '../../headless/local-room.ts';
import { joinNodeMesh } from '../../headless/node-mesh.ts';
import { startPeerProcesses, type PeerProcess } from '../../headless/peer-processes.ts';
import { gatherPeers } from '../../headless/room-peers.ts';
import { systemClock } from '../../src/mesh/system-clock.ts';
import { measureTransport } from '../../src/runtime/measure-transport.ts';
import type { RuntimeNode } from '../../src/runtime/runtime-node.ts';
import { Survey, type SurveyPeer } from '../../src/runtime/survey.ts';
import { keepThreadTo } from '../processors.ts';

/**
 * Of a processor core, for what each peer computes (`join --share`); the fastest first. So little that this machine, which they share
 * as devices do not, is enough for all of them at once.
 */
export const SHARES = [0.15, 0.12, 0.1, 0.08] as const;

export interface LimitedWorld {
  readonly node: RuntimeNode;
  /** What they say of themselves; they measure themselves when they are asked, and so as the devices that they are then. */
  readonly peers: readonly SurveyPeer[];
  /** In the order of `SHARES`. */
  readonly processes: readonly PeerProcess[];
  /** Once more, when sessions are open: engines that measured themselves have gone on in other threads. */
  keepApart(): void;
}

/** Real processes and real WebRTC on this machine; every one of `count` peers, the fastest of all, is a small device from the beginning. */
export async function openLimitedWorld(
  undo: (() => unknown)[],
  count: number = SHARES.length,
): Promise<LimitedWorld> {
  const room = await openLocalRoom({ port: 0, host: '127.0.0.1', room: 'prediction' });
  undo.push(() => room.server.close());
  const processes: readonly PeerProcess[] = await startPeerProcesses({
    url: room.urlAt('127.0.0.1'),
    count,
    engine: 'wasm',
    // What a share is counted by is the time of one thread.
    threads: 1,
    // Built before any benchmark starts; the working folder is the repository's root.
    program: join(process.cwd(), 'dist/node/cli.js'),
  });
  undo.push(() => Promise.all(processes.map((peer) => peer.stop())));
  const { mesh, node } = await joinNodeMesh({ link: room.link, name: 'prediction' });
  undo.push(() => mesh.leave());
  const found = await gatherPeers(mesh, { count, timeoutMs: 30_000 });
  const keepApart = (): void => {
    if (process.platform !== 'linux') return;
    for (const pid of [process.pid, ...processes.map((peer) => peer.pid)]) setApart(pid);
  };
  keepApart();
  // They have this machine's caches and memory in common, and its one or two cores: devices have not.
  await Promise.all(processes.map((peer, index) => peer.setShare(SHARES[index]!, true)));
  const peers = processes.map(({ id }): SurveyPeer => {
    const { id: peer, capabilities } = found.find((member) => member.id === id)!;
    return { id: peer, ...capabilities };
  });
  return { node, peers, processes, keepApart };
}

/**
 * All engines take turns on one processor, and messages have the others. Each engine uses little of it, and has its rests to wait in. Two that
 * compute at one time would take each other's time, up to half of it, where what looks like two processors is one core with
 * two threads.
 */
function setApart(pid: number): void {
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      const computes = readFileSync(`/proc/${pid}/task/${thread}/comm`, 'utf8').trim() === COMPUTE_THREAD;
      const others = Array.from({ length: availableParallelism() - 1 }, (_, index) => index + 1);
      keepThreadTo(computes ? [0] : others, thread);
    } catch {
      // A thread of a pool that has ended.
    }
  }
}

/** A survey of its own asks for profiles that are measured now. */
export const newSurvey = async ({ node }: Pick<LimitedWorld, 'node'>): Promise<Survey> =>
  new Survey({
    node,
    clock: systemClock,
    transport: await measureTransport({ clock: systemClock }),
    processor: connectionProcessor(),
  });
