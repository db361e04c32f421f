import type { Mesh } from '../../src/mesh/mesh.ts';
import { toPeerceptronError } from '../../src/shared/errors.ts';
import { memoryLimitBytes, platformName, programVersion } from '../platform.ts';
import { DeviceHealthProbe } from './device-health.ts';
import type { PeerEvent } from './events.ts';
import { openMonitor, type Health, type Monitor } from './monitor.ts';
import { peerMetrics, type PeerFacts } from './peer-metrics.ts';
import type { PeerTally } from './peer-tally.ts';

export interface PeerMonitorOptions {
  /** Of 127.0.0.1; undefined: nobody looks. */
  readonly port: number | undefined;
  readonly tally: PeerTally;
  readonly mesh: () => Mesh | undefined;
  readonly emit: (event: PeerEvent) => void;
}

/** Opens `/healthz` and `/metrics` where that is wanted. A port that somebody else has is said, and no reason not to compute. */
export async function watchPeer({
  port,
  tally,
  mesh,
  emit,
}: PeerMonitorOptions): Promise<Monitor | undefined> {
  if (port === undefined) return undefined;
  const probe = new DeviceHealthProbe();
  const facts = async (): Promise<PeerFacts> => {
    const { user, system } = process.cpuUsage();
    return {
      version: programVersion(),
      platform: platformName(),
      mesh: meshFacts(mesh()),
      process: {
        cpuSeconds: (user + system) / 1e6,
        residentBytes: process.memoryUsage.rss(),
        startedSeconds: performance.timeOrigin / 1000,
      },
      memoryLimitBytes: memoryLimitBytes(),
      health: await probe.read(),
    };
  };
  try {
    const monitor = await openMonitor({
      port,
      health: () => healthOf(tally, meshFacts(mesh())?.connected ?? 0, process.uptime()),
      metrics: async () => peerMetrics(tally, await facts()),
    });
    emit({ type: 'monitor', url: monitor.url });
    return monitor;
  } catch (thrown) {
    const { code, message } = toPeerceptronError(thrown);
    emit({ type: 'notice', text: `${code}: ${message}` });
    return undefined;
  }
}

function meshFacts(mesh: Mesh | undefined): PeerFacts['mesh'] {
  if (!mesh) return undefined;
  const members = [...mesh.members.values()];
  return {
    members: members.length,
    connected: members.filter(({ state }) => state === 'connected').length,
    carried: mesh.carried,
  };
}

/** Well is who can be asked to compute: in the room, and within reach of its server or of a device in it. */
export function healthOf(tally: PeerTally, connectedPeers: number, uptimeSeconds: number): Health {
  const { phase, signaling, id, room, engine } = tally;
  return {
    ok: phase === 'in-room' && (signaling === 'open' || connectedPeers > 0),
    phase,
    signaling: signaling ?? 'none',
    room: room ?? null,
    id: id ?? null,
    engine: engine ?? null,
    connectedPeers,
    sessions: tally.serving.size,
    frames: tally.frames,
    uptimeSeconds: Math.round(uptimeSeconds),
  };
}
