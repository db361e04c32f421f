import { join } from 'node:path';
import { openLocalRoom } from '../../headless/local-room.ts';
import { joinNodeMesh } from '../../headless/node-mesh.ts';
import { startPeerProcesses, type PeerProcess } from '../../headless/peer-processes.ts';
import { gatherPeers } from '../../headless/room-peers.ts';
import { systemClock } from '../../src/mesh/system-clock.ts';
import type { Device } from '../../src/planner/world.ts';
import { measureTransport } from '../../src/runtime/measure-transport.ts';
import type { RuntimeNode } from '../../src/runtime/runtime-node.ts';
import { Survey, type SurveyPeer } from '../../src/runtime/survey.ts';
import { runInOrder } from '../../src/runtime/frame-stream.ts';
import type { Session } from '../../src/runtime/session.ts';
import type { FrameResult } from '../../src/runtime/frames-in-flight.ts';
import { median } from '../benchmark.ts';
import type { CpuGroups, CpuLimit } from '../cgroup.ts';

/**
 * Of a processor, for the compute thread of each peer, and as much again for its other threads; the fastest first. So little that
 * the memory of this machine, which they share as devices do not, is enough for all of them at once.
 */
export const CORES = [0.25, 0.2, 0.16, 0.12] as const;
const COMPUTE_THREAD = 'compute';

export interface LimitedWorld {
  readonly node: RuntimeNode;
  /** What they say of themselves; they measure themselves when they are asked, and so as the devices that they are then. */
  readonly peers: readonly SurveyPeer[];
  readonly limits: readonly CpuLimit[];
}

export const setLimits = (limits: readonly CpuLimit[], on: boolean): void => {
  for (const [index, limit] of limits.entries()) limit.set(on ? CORES[index] : undefined);
};

/** Real processes and real WebRTC on this machine; every peer is a small device before it measures itself. */
export async function openLimitedWorld(groups: CpuGroups, undo: (() => unknown)[]): Promise<LimitedWorld> {
  const room = await openLocalRoom({ port: 0, host: '127.0.0.1', room: 'prediction' });
  undo.push(() => room.server.close());
  const processes: readonly PeerProcess[] = await startPeerProcesses({
    url: room.urlAt('127.0.0.1'),
    count: CORES.length,
    engine: 'wasm',
    // Built before any benchmark starts; the working folder is the repository's root.
    program: join(process.cwd(), 'dist/node/cli.js'),
  });
  undo.push(() => Promise.all(processes.map((peer) => peer.stop())));
  // First of all free the peers: limited ones take their time to end.
  undo.push(() => groups.release());
  const { mesh, node } = await joinNodeMesh({ link: room.link, name: 'prediction' });
  undo.push(() => mesh.leave());
  const found = await gatherPeers(mesh, { count: CORES.length, timeoutMs: 30_000 });
  const limits = processes.map(({ pid, name }, index) =>
    groups.limit({ name, pid, threadName: COMPUTE_THREAD, cores: CORES[index]!, others: 'free' }),
  );
  const peers = processes.map(({ id }): SurveyPeer => {
    const { id: peer, capabilities } = found.find((member) => member.id === id)!;
    return { id: peer, ...capabilities };
  });
  return { node, peers, limits };
}

/** One after the other: devices do not share processors, and these do. */
export async function profiled(survey: Survey, peers: readonly SurveyPeer[]): Promise<Device[]> {
  const devices: Device[] = [];
  for (const peer of peers) devices.push(...(await survey.devices([peer])));
  return devices;
}

/** A survey of its own asks for profiles that are measured now. */
export const newSurvey = async ({ node }: LimitedWorld): Promise<Survey> =>
  new Survey({ node, clock: systemClock, transport: await measureTransport({ clock: systemClock }) });

/** A figure, and the frames that it is of. */
export interface Measured {
  readonly value: number;
  readonly frames: readonly FrameResult[];
}

/** Median latency of frames that are alone in the mesh. */
export async function measureLatency(
  session: Session,
  inputs: readonly Float32Array[],
  count: number,
): Promise<Measured> {
  const frames: FrameResult[] = [];
  for (let frame = 0; frame < count; frame++) frames.push(await session.run(inputs));
  return { value: median(frames.map(({ latencyMs }) => latencyMs)), frames };
}

/** Frames per second between the first result of the full pipeline and the last before it runs dry. */
export async function measureRate(
  session: Session,
  inputs: readonly Float32Array[],
  count: number,
): Promise<Measured> {
  const fill = session.window;
  const source = Array.from({ length: fill + count + session.window - 1 }, () => inputs);
  const frames: FrameResult[] = [];
  let sinceMs = 0;
  for await (const { result } of runInOrder(session, source, (frame) => frame)) {
    frames.push(result);
    if (frames.length === fill) sinceMs = performance.now();
    if (frames.length === fill + count) break;
  }
  return { value: (count / (performance.now() - sinceMs)) * 1000, frames };
}
