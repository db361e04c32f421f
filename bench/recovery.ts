import { join } from 'node:path';
import { openLocalRoom } from '../headless/local-room.ts';
import { startEngine } from '../headless/node-engine.ts';
import { joinNodeMesh } from '../headless/node-mesh.ts';
import { startPeerProcesses, type PeerProcess } from '../headless/peer-processes.ts';
import { gatherPeers } from '../headless/room-peers.ts';
import { shapeSize } from '../src/graph/box.ts';
import type { Graph } from '../src/graph/graph.ts';
import { meshRoster } from '../src/mesh/mesh-roster.ts';
import { systemClock } from '../src/mesh/system-clock.ts';
import { pipelinePlan } from '../src/planner/pipeline-plan.ts';
import {
  openAdaptiveSession,
  type AdaptiveSession,
  type AdaptiveSessionEvent,
} from '../src/runtime/adaptive-session.ts';
import { runInOrder } from '../src/runtime/frame-stream.ts';
import type { Replan, RosterChange } from '../src/runtime/replan.ts';
import { compareOutputs, loadWholeModel } from '../src/runtime/whole-model.ts';
import { asSessionId } from '../src/shared/ids.ts';
import { seededRandom } from '../src/shared/random.ts';
import { seededModelWeights } from '../src/weights/seeded-model.ts';
import { median, type Benchmark, type BenchmarkContext, type Row } from './benchmark.ts';
import { withCleanUp } from './clean-up.ts';
import { equalConvolutions, SHAPE } from './equal-convolutions.ts';

const PEERS = 4;
const SEED = 9;
/** 1.85 GMAC and 38 MB of weights in sixteen equal convolutions: an eighth of VGG16's compute, and its kind of layers. */
const CONVOLUTIONS = 16;
/** Results before something happens, and after the new plan has taken over. */
const BEFORE = 20;
const AFTER = 15;

type Incident = 'kill' | 'stop' | 'leave' | 'join';
const INCIDENTS: Readonly<Record<Incident, string>> = {
  kill: 'kill -9 of one of 4 peers',
  stop: 'SIGSTOP of one of 4 peers',
  leave: 'one of 4 peers leaves (SIGTERM)',
  join: 'planned switch from 3 peers to 4',
};

interface Measured {
  /** The longest time between two results after the incident, and what was usual before. */
  readonly gapMs: number;
  readonly usualMs: number;
  /** From the incident until the new plan took over. */
  readonly switchedMs: number;
  readonly lost: number;
  /** Largest difference from the unsplit model over its largest value. */
  readonly difference: number;
}

interface Known {
  readonly inputs: readonly Float32Array[];
  readonly outputs: readonly Float32Array[];
}

async function knownFrames(graph: Graph): Promise<Known[]> {
  const { engine } = await startEngine('wasm');
  const whole = await loadWholeModel(engine, graph, seededModelWeights({ seed: SEED, unfolded: graph }));
  const random = seededRandom(11);
  const known: Known[] = [];
  for (let frame = 0; frame < 4; frame += 1) {
    const inputs = [Float32Array.from({ length: shapeSize(SHAPE) }, () => random.next() * 2 - 1)];
    known.push({ inputs, outputs: (await whole.run(inputs)).outputs });
  }
  await engine.dispose();
  return known;
}

/** Streams frames until the new plan has been in use for a while; something happens to the victim in between. */
async function stream(
  session: AdaptiveSession,
  known: readonly Known[],
  happen: () => void,
  hasSwitched: () => boolean,
): Promise<Omit<Measured, 'switchedMs'> & { readonly happenedMs: number }> {
  let started = 0;
  let done = 0;
  let happenedMs = Infinity;
  let enough = Infinity;
  let difference = 0;
  const times: number[] = [];
  function* source(): Generator<number> {
    while (started < enough) yield started++;
  }
  const of = (index: number): Known => known[index % known.length]!;
  for await (const { frame, result } of runInOrder(session, source(), (index) => of(index).inputs)) {
    times.push(performance.now());
    const { maxAbsDiff, maxAbs } = compareOutputs(result.outputs, of(frame).outputs);
    difference = Math.max(difference, frame === done ? maxAbsDiff / maxAbs : Infinity);
    done += 1;
    if (done === BEFORE) {
      happenedMs = performance.now();
      happen();
    }
    if (hasSwitched()) enough = Math.min(enough, done + AFTER);
  }
  const gaps = times.slice(1).map((atMs, index) => ({ atMs, gapMs: atMs - times[index]! }));
  const before = gaps.filter(({ atMs }) => atMs <= happenedMs).slice(5);
  const after = gaps.filter(({ atMs }) => atMs > happenedMs);
  return {
    happenedMs,
    gapMs: Math.max(...after.map(({ gapMs }) => gapMs)),
    usualMs: median(before.map(({ gapMs }) => gapMs)),
    lost: started - done,
    difference,
  };
}

async function measure(
  incident: Incident,
  graph: Graph,
  known: readonly Known[],
  undo: (() => unknown)[],
): Promise<Measured> {
  const room = await openLocalRoom({ port: 0, host: '127.0.0.1', room: 'recovery' });
  undo.push(() => room.server.close());
  const processes = await startPeerProcesses({
    url: room.urlAt('127.0.0.1'),
    count: PEERS,
    engine: 'wasm',
    program: join(process.cwd(), 'dist/node/cli.js'),
  });
  undo.push(() => Promise.all(processes.map((peer) => peer.stop())));
  const { mesh, node } = await joinNodeMesh({ link: room.link, name: 'requester' });
  undo.push(() => mesh.leave());
  await gatherPeers(mesh, { count: PEERS, timeoutMs: 30_000 });
  const victim = processes[1]!;
  const roster = meshRoster(mesh);
  let isHidden = incident === 'join';
  const listeners = new Set<(change: RosterChange) => void>();
  const replan: Replan = async ({ peers, session, epoch }) => {
    const list = peers.map((id) => ({ id, speed: 1 }));
    return { plan: pipelinePlan({ graph, session, epoch, peers: list }), window: 2 * list.length, gain: 1 };
  };
  let switchedAtMs: number | undefined;
  let isOn = false;
  const onEvent = (event: AdaptiveSessionEvent): void => {
    if (isOn && event.type === 'switched') switchedAtMs ??= performance.now();
  };
  const seeded = { seed: SEED, unfolded: graph };
  const session = await openAdaptiveSession({
    node,
    graph,
    weights: seededModelWeights(seeded),
    seeded,
    clock: systemClock,
    session: asSessionId('d'.repeat(32)),
    roster: {
      peers: () => roster.peers().filter((peer) => !isHidden || peer !== victim.id),
      subscribe: (listener) => {
        listeners.add(listener);
        return roster.subscribe(listener);
      },
    },
    joinDelayMs: 0,
    replan,
    onEvent,
  });
  undo.push(() => session.close());
  const happen = (): void => {
    isOn = true;
    isHidden = false;
    befall(incident, victim);
    if (incident === 'join') for (const listener of listeners) listener({ type: 'changed' });
  };
  const { happenedMs, ...measured } = await stream(session, known, happen, () => switchedAtMs !== undefined);
  if (incident === 'stop') process.kill(victim.pid, 'SIGCONT');
  return { ...measured, switchedMs: switchedAtMs! - happenedMs };
}

function befall(incident: Incident, { pid }: PeerProcess): void {
  switch (incident) {
    case 'kill':
      process.kill(pid, 'SIGKILL');
      return;
    case 'stop':
      process.kill(pid, 'SIGSTOP');
      return;
    case 'leave':
      process.kill(pid, 'SIGTERM');
      return;
    case 'join':
  }
}

async function rows({ quick, say }: BenchmarkContext, undo: (() => unknown)[]): Promise<Row[]> {
  const graph = equalConvolutions('sixteen convolutions', CONVOLUTIONS);
  const known = await knownFrames(graph);
  const all: Row[] = [];
  for (const incident of Object.keys(INCIDENTS) as Incident[]) {
    const measured: Measured[] = [];
    for (let round = 0; round < (quick ? 1 : 3); round += 1) {
      measured.push(await measure(incident, graph, known, undo));
      for (const step of undo.splice(0).reverse()) await step();
      const { gapMs, usualMs, switchedMs } = measured.at(-1)!;
      const told = [gapMs, usualMs, switchedMs].map((ms) => `${ms.toFixed(0)} ms`);
      say(`${INCIDENTS[incident]}: longest gap ${told[0]} (usual ${told[1]}), new plan after ${told[2]}`);
    }
    const what = INCIDENTS[incident];
    const worst = (of: (each: Measured) => number): number => Math.max(...measured.map(of));
    all.push(
      { name: `${what}: frames lost`, value: worst(({ lost }) => lost), unit: 'frames', goal: { atMost: 0 } },
      { name: `${what}: longest gap between results, the worst of ${measured.length}`, value: worst(({ gapMs }) => gapMs), unit: 'ms', goal: null },
      { name: `${what}: usual time between results`, value: median(measured.map(({ usualMs }) => usualMs)), unit: 'ms', goal: null },
      { name: `${what}: until the new plan is in use`, value: median(measured.map(({ switchedMs }) => switchedMs)), unit: 'ms', goal: null },
      { name: `${what}: largest relative difference from the unsplit model`, value: worst(({ difference }) => difference), unit: '', goal: { atMost: 1e-4 } },
    ); // prettier-ignore
  }
  return all;
}

export const recovery: Benchmark = {
  summary:
    'a stream over four real peers while one is killed, stopped, leaves or joins: longest gap, frames lost',
  run: (context) => withCleanUp((undo) => rows(context, undo)),
};
