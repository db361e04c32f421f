import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openLocalRoom } from '../../headless/local-room.ts';
import { joinNodeMesh } from '../../headless/node-mesh.ts';
import { startPeerProcesses } from '../../headless/peer-processes.ts';
import { gatherPeers } from '../../headless/room-peers.ts';
import { findChromium } from '../../scripts/setup/chromium.mjs';
import type { RuntimeNode } from '../../src/runtime/runtime-node.ts';
import type { SurveyPeer } from '../../src/runtime/survey.ts';
import { PeerceptronError } from '../../src/shared/errors.ts';
import { openCpuGroups, type ProcessTree } from '../cgroup.ts';
import { joining } from '../cgroup/home.ts';
import { allowedProcessors, keepTo, startOn } from '../processors.ts';
import { startChromiumPeer } from './chromium-peer.ts';

/** Of a core, for each of the two. Together they leave some of it, so that neither ever has to wait for the other for long. */
export const CORES = 0.4;
/** Two plans at a time that have all of VGG16 on one device, with room for loading: 1.2 GB each. */
const OFFERED_BYTES = 3e9;
/** After its first visit the page keeps what it needs to start without its server. */
const SETTLE_MS = 3_000;

/** Where two processes can be devices of equal processors that do not disturb each other. */
export interface Limits {
  readonly native: ProcessTree;
  readonly chromium: ProcessTree;
  /** That both run on. */
  readonly processor: number;
}

export interface MixedPeer {
  readonly peer: SurveyPeer;
  readonly tree: ProcessTree;
}

export interface MixedWorld {
  readonly node: RuntimeNode;
  readonly native: MixedPeer;
  readonly chromium: MixedPeer;
  /** From now on they are small devices, or quick again. */
  limit(isLimited: boolean): void;
}

/**
 * Takes the first processor for the two, and moves this process, the requester, to the others.
 * @throws USAGE where this machine or this user cannot, with the reason
 */
export function openLimits(undo: (() => unknown)[]): Limits {
  const groups = openCpuGroups();
  undo.push(() => groups.release());
  const processors = allowedProcessors();
  const [processor, ...others] = processors;
  if (processor === undefined || others.length === 0)
    throw new PeerceptronError('USAGE', 'the two peers need one processor and their requester another one');
  if (!findChromium())
    throw new PeerceptronError('USAGE', 'there is no Chromium: install it, or set CHROMIUM_PATH');
  keepTo(others, process.pid);
  undo.push(() => keepTo(processors, process.pid));
  return { processor, native: groups.openTree('native'), chromium: groups.openTree('chromium') };
}

/**
 * A native Node peer and a page in Chromium, in one room. Each has measured itself, or does so when it is asked, as the small device that it
 * is then; they start as quickly as the machine can.
 */
export async function openMixedWorld(
  undo: (() => unknown)[],
  { native, chromium, processor }: Limits,
): Promise<MixedWorld> {
  const limit = (isLimited: boolean): void => {
    for (const tree of [native, chromium]) tree.set(isLimited ? CORES : undefined);
  };
  const commandIn = ({ joinFile }: ProcessTree): readonly string[] => [
    ...joining(joinFile),
    ...startOn(processor),
  ];
  // Built before any benchmark starts; the working folder is the repository's root.
  const built = join(process.cwd(), 'dist');
  const room = await openLocalRoom({
    port: 0,
    host: '127.0.0.1',
    room: 'mixed',
    pageDir: join(built, 'page'),
  });
  undo.push(() => room.server.close());
  const url = room.urlAt('127.0.0.1');
  const page = await startChromiumPeer({
    url,
    name: 'chromium',
    memoryBytes: OFFERED_BYTES,
    command: commandIn(chromium),
  });
  undo.push(() => page.close());
  // Limited processes take their time to end.
  undo.push(() => limit(false));
  await page.visit();
  await sleep(SETTLE_MS);
  // By now everything is in its caches, and hardly anything disturbs it while it measures itself.
  limit(true);
  await page.visit();
  native.set(undefined);
  const [peerProcess] = await startPeerProcesses({
    url,
    count: 1,
    nameOf: () => 'native',
    engine: 'native',
    threads: 1,
    memory: String(2 * OFFERED_BYTES),
    cache: () => ({ cache: false }),
    program: join(built, 'node/cli.js'),
    start: () => ({ command: commandIn(native) }),
  });
  undo.push(() => peerProcess!.stop());
  undo.push(() => limit(false));
  const { mesh, node } = await joinNodeMesh({ link: room.link, name: 'requester' });
  undo.push(() => mesh.leave());
  const found = await gatherPeers(mesh, { count: 2, timeoutMs: 60_000 });
  limit(true);
  const named = (name: string): SurveyPeer => {
    const { id, capabilities } = found.find((peer) => peer.capabilities.name === name)!;
    return { id, ...capabilities };
  };
  return {
    node,
    native: { peer: named('native'), tree: native },
    chromium: { peer: named('chromium'), tree: chromium },
    limit,
  };
}
