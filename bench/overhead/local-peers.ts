import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openLocalRoom } from '../../headless/local-room.ts';
import { joinNodeMesh } from '../../headless/node-mesh.ts';
import { startPeerProcesses, type PeerProcess } from '../../headless/peer-processes.ts';
import { gatherPeers } from '../../headless/room-peers.ts';
import { spreadModel } from '../../headless/spread-model.ts';
import type { PlanFile } from '../../src/planner/plan-file.ts';
import type { Session } from '../../src/runtime/session.ts';
import type { Network } from './networks.ts';

export interface LocalPeers {
  readonly processes: readonly PeerProcess[];
  /** Deals the network out and waits until every peer is ready. */
  spread(network: Network, plan: PlanFile): Promise<Session>;
  close(): Promise<void>;
}

/** A room with Node peers in processes of their own, on the wasm engine, and this process as the requester. */
export async function openLocalPeers(count: number): Promise<LocalPeers> {
  const program = join(process.cwd(), 'dist/node/cli.js');
  if (!existsSync(program)) throw new Error(`${program} is missing: start this by \`npm run bench\``);
  const room = await openLocalRoom({ port: 0, host: '127.0.0.1' });
  const processes = await startPeerProcesses({
    url: room.urlAt('127.0.0.1'),
    count,
    engine: 'wasm',
    memory: '4GB',
    program,
  });
  const joined = await joinNodeMesh({ link: room.link, name: 'requester' });
  const found = await gatherPeers(joined.mesh, { count, timeoutMs: 30_000 });
  return {
    processes,
    async spread({ graph, original, weights, seeded }, plan) {
      const model = { graph, original, weights, seeded, location: graph.name, format: 'preset' } as const;
      return (await spreadModel({ joined, model, peers: found, planFile: plan, window: 1 })).session;
    },
    async close() {
      await joined.mesh.leave();
      await Promise.all(processes.map((peer) => peer.stop()));
      await room.server.close();
    },
  };
}
