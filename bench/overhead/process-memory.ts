import { existsSync, readFileSync } from 'node:fs';
import { NETWORKS } from '../../src/models/presets.ts';
import { compilePlan } from '../../src/planner/compiled-plan.ts';
import { memoryPerPeer } from '../../src/planner/memory.ts';
import { planBuilder } from '../../src/planner/plan-builder.ts';
import type { PlanFile } from '../../src/planner/plan-file.ts';
import { bands, channels, whole } from '../../src/planner/splits.ts';
import { randomFrames } from '../../headless/frames.ts';
import type { Graph } from '../../src/graph/graph.ts';
import { median, type BenchmarkContext, type Row } from '../benchmark.ts';
import { openLocalPeers } from './local-peers.ts';
import { seededNetwork } from './networks.ts';

const PEERS = 8;
/** What a process may take beside 1.6 × its weights. */
const ALLOWANCE_BYTES = 90e6;
/** What may be under way while weights are loaded, beside what plans set aside: parts asked for ahead, messages, garbage. */
const TRANSIT_BYTES = 32e6;

interface Resident {
  readonly rssBytes: number;
  /** Pages that several processes share, divided among them: the program itself is most of them. */
  readonly pssBytes: number;
  /** The most that was resident so far. */
  readonly peakBytes: number;
}

function residentOf(pid: number): Resident {
  const bytesOf = (file: string, field: string): number => {
    const text = readFileSync(`/proc/${pid}/${file}`, 'utf8');
    return 1024 * Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)![1]);
  };
  return {
    rssBytes: bytesOf('smaps_rollup', 'Rss'),
    pssBytes: bytesOf('smaps_rollup', 'Pss'),
    peakBytes: bytesOf('status', 'VmHWM'),
  };
}

/** Row bands where images are large, channels where weights are, units of the dense layers. */
function spreadPlan(graph: Graph): PlanFile {
  const peers = Array.from({ length: PEERS }, (_, index) => index);
  const rows = bands({ axis: 'height', peers });
  const units = channels({ peers });
  return planBuilder(graph)
    .segment({ through: 'block1_pool', split: rows })
    .segment({ through: 'block2_pool', split: rows })
    .segment({ through: 'block3_pool', split: rows })
    .layers({ through: 'block5_pool', split: units })
    .segment({ through: 'fc1', split: units })
    .segment({ through: 'fc2', split: units })
    .segment({ through: 'predictions/bias', split: units })
    .segment({ split: whole(0) })
    .file();
}

/** Resident memory of real peer processes that hold VGG16 between them, after frames went through. */
export async function processMemoryRows({ quick, say }: BenchmarkContext): Promise<Row[]> {
  if (!existsSync('/proc/self/smaps_rollup')) {
    say('memory of processes: only Linux tells');
    return [];
  }
  say(`VGG16 on ${PEERS} peer processes: their memory`);
  const network = seededNetwork(NETWORKS.vgg16());
  const peers = await openLocalPeers(PEERS);
  try {
    const idle = peers.processes.map(({ pid }) => residentOf(pid));
    const session = await peers.spread(network, spreadPlan(network.graph));
    for (const { inputs } of randomFrames(network.graph, 1, quick ? 2 : 10))
      await session.run(await inputs());
    const needs = memoryPerPeer(compilePlan(network.graph, session.plan), 1, () => 'once');
    const loaded = peers.processes.map(({ pid, id }, index) => {
      const { weightBytes } = session.peers.find(({ peer }) => peer === id)!;
      const resident = residentOf(pid);
      const { totalBytes } = [...needs].find(([peer]) => peer === id)![1];
      return {
        ...resident,
        weightBytes,
        over: (resident.rssBytes - ALLOWANCE_BYTES) / weightBytes,
        reservedBytes: totalBytes,
        overReserved: (resident.peakBytes - idle[index]!.rssBytes - TRANSIT_BYTES) / totalBytes,
      };
    });
    await session.close();
    const mega = (values: readonly number[]): number => median(values) / 1e6;
    return [
      { name: `VGG16 on ${PEERS} peers: (resident memory − 90 MB) / raw weights, worst peer`, value: Math.max(...loaded.map(({ over }) => over)), unit: '×', goal: { atMost: 1.6 } },
      { name: `VGG16 on ${PEERS} peers: raw weights of a peer`, value: mega(loaded.map(({ weightBytes }) => weightBytes)), unit: 'MB', goal: null },
      { name: `VGG16 on ${PEERS} peers: resident memory of a peer`, value: mega(loaded.map(({ rssBytes }) => rssBytes)), unit: 'MB', goal: null },
      { name: `VGG16 on ${PEERS} peers: the same, shared pages divided`, value: mega(loaded.map(({ pssBytes }) => pssBytes)), unit: 'MB', goal: null },
      { name: `VGG16 on ${PEERS} peers: what plans set aside for a peer`, value: mega(loaded.map(({ reservedBytes }) => reservedBytes)), unit: 'MB', goal: null },
      { name: `VGG16 on ${PEERS} peers: (most resident memory − idle − 32 MB) / what plans set aside, worst peer`, value: Math.max(...loaded.map(({ overReserved }) => overReserved)), unit: '×', goal: { atMost: 1 } },
      { name: 'idle peer: resident memory', value: mega(idle.map(({ rssBytes }) => rssBytes)), unit: 'MB', goal: null },
    ]; // prettier-ignore
  } finally {
    await peers.close();
  }
}
