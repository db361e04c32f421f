import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { COMPUTE_THREAD } from '../headless/connection-processor.ts';
import { openLocalRoom } from '../headless/local-room.ts';
import { joinNodeMesh } from '../headless/node-mesh.ts';
import { startPeerProcesses, type PeerProcess } from '../headless/peer-processes.ts';
import { gatherPeers } from '../headless/room-peers.ts';
import { createTfjsEngine } from '../src/engine/tfjs.ts';
import { fullBox, shapeSize } from '../src/graph/box.ts';
import type { Graph } from '../src/graph/graph.ts';
import { systemClock } from '../src/mesh/system-clock.ts';
import type { Plan } from '../src/planner/plan.ts';
import { runInOrder } from '../src/runtime/frame-stream.ts';
import type { RuntimeNode } from '../src/runtime/runtime-node.ts';
import { openSession, type Session } from '../src/runtime/session.ts';
import { compareOutputs, loadWholeModel } from '../src/runtime/whole-model.ts';
import { asSessionId, type PeerId } from '../src/shared/ids.ts';
import { seededRandom } from '../src/shared/random.ts';
import { seededModelWeights } from '../src/weights/seeded-model.ts';
import type { WeightSource } from '../src/weights/weight-source.ts';
import { median, type Benchmark, type BenchmarkContext, type Row } from './benchmark.ts';
import { withCleanUp } from './clean-up.ts';
import { equalConvolutions, SHAPE } from './equal-convolutions.ts';
import { openCpuGroups, type CpuGroups } from './cgroup.ts';

const STAGES = 3;
const CORES = 1 / 3;
const LIMITS = 'compute thread ⅓ core, other threads ⅓ core of their own';

/**
 * 1.4 GMAC per stage and 0.2 MB across every cut: the bytes per multiply of VGG16 in three parts (5.2 GMAC, 0.8 MB). Some
 * 170 ms per stage on a third of a core.
 */
const CONVOLUTIONS_PER_STAGE = 12;
const SEED = 7;

/** One run of ops per peer, all equally long. */
function planOf(graph: Graph, peers: readonly PeerId[], session: number): Plan {
  const length = graph.nodes.length / peers.length;
  return {
    session: asSessionId(session.toString(16).padStart(32, '0')),
    epoch: 0,
    model: graph.name,
    segments: peers.map((peer, stage) => {
      const end = (stage + 1) * length;
      const tensor = graph.nodes[end - 1]!.id;
      const tile = { peer, outputs: [{ tensor, box: fullBox(SHAPE) }] };
      return { ops: [stage * length, end], lanes: [{ share: 1, tiles: [tile] }] };
    }),
  };
}

interface Known {
  readonly inputs: readonly Float32Array[];
  /** Of the unsplit model. */
  readonly outputs: readonly Float32Array[];
}

interface Measured {
  readonly framesPerSecond: number;
  readonly latenciesMs: readonly number[];
  /** Between the same two results: time used by compute threads over their quota. */
  readonly busy: number;
  /** Largest difference from the unsplit model over its largest value. */
  readonly difference: number;
}

/** Steady state: the time from the first result after the pipeline is full to the last. */
async function measure(
  session: Session,
  processes: readonly PeerProcess[],
  known: readonly Known[],
  frames: number,
): Promise<Measured> {
  const fill = session.window;
  // Frames at the end find the first stages idle: they come after what is measured.
  const drain = session.window - 1;
  const marks: { readonly atMs: number; readonly usedMs: number }[] = [];
  const latenciesMs: number[] = [];
  let difference = 0;
  let done = 0;
  const source = Array.from({ length: fill + frames + drain }, (_, index) => known[index % known.length]!);
  for await (const { frame, result } of runInOrder(session, source, ({ inputs }) => inputs)) {
    done += 1;
    if (done === fill || done === fill + frames) {
      marks.push({ atMs: performance.now(), usedMs: computeThreadMs(processes) });
    }
    if (done > fill && done <= fill + frames) latenciesMs.push(result.latencyMs);
    const { maxAbsDiff, maxAbs } = compareOutputs(result.outputs, frame.outputs);
    difference = Math.max(difference, maxAbsDiff / maxAbs);
  }
  const [start, end] = marks as [(typeof marks)[0], (typeof marks)[0]];
  const wallMs = end.atMs - start.atMs;
  const stages = session.plan.segments.length;
  return {
    framesPerSecond: (frames / wallMs) * 1000,
    latenciesMs,
    busy: (end.usedMs - start.usedMs) / (wallMs * stages * CORES),
    difference,
  };
}

/** Processor time of the compute threads so far, milliseconds. */
function computeThreadMs(peers: readonly PeerProcess[]): number {
  let totalNs = 0;
  for (const { pid } of peers) {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const folder = `/proc/${pid}/task/${thread}`;
      if (readFileSync(`${folder}/comm`, 'utf8').trim() !== COMPUTE_THREAD) continue;
      totalNs += Number(readFileSync(`${folder}/schedstat`, 'utf8').split(' ')[0]);
    }
  }
  return totalNs / 1e6;
}

interface World {
  readonly node: RuntimeNode;
  readonly processes: readonly PeerProcess[];
  /** In the order of `processes`. */
  readonly peers: readonly PeerId[];
}

/** Real processes, real WebRTC, all on this machine. `undo` is filled as things come up. */
async function openWorld(groups: CpuGroups, undo: (() => unknown)[]): Promise<World> {
  const room = await openLocalRoom({ port: 0, host: '127.0.0.1', room: 'pipeline' });
  undo.push(() => room.server.close());
  const processes = await startPeerProcesses({
    url: room.urlAt('127.0.0.1'),
    count: STAGES,
    engine: 'wasm',
    // Built before any benchmark starts; the working folder is the repository's root.
    program: join(process.cwd(), 'dist/node/cli.js'),
  });
  undo.push(() => Promise.all(processes.map((peer) => peer.stop())));
  // First of all free the peers: limited ones take their time to end.
  undo.push(() => groups.release());
  const { mesh, node } = await joinNodeMesh({ link: room.link, name: 'pipeline' });
  undo.push(() => mesh.leave());
  const found = await gatherPeers(mesh, { count: STAGES, timeoutMs: 30_000 });
  const peers = processes.map(({ id }) => found.find((peer) => peer.id === id)!.id);
  return { node, processes, peers };
}

async function knownFrames(graph: Graph, weights: WeightSource): Promise<Known[]> {
  const engine = await createTfjsEngine({ backend: 'wasm' });
  const whole = await loadWholeModel(engine, graph, weights);
  const random = seededRandom(11);
  const known: Known[] = [];
  for (let frame = 0; frame < 4; frame += 1) {
    const inputs = [Float32Array.from({ length: shapeSize(SHAPE) }, () => random.next() * 2 - 1)];
    known.push({ inputs, outputs: (await whole.run(inputs)).outputs });
  }
  await engine.dispose();
  return known;
}

async function rows(
  groups: CpuGroups,
  undo: (() => unknown)[],
  { quick, say }: BenchmarkContext,
): Promise<Row[]> {
  const graph = equalConvolutions('three equal stages', STAGES * CONVOLUTIONS_PER_STAGE);
  const seeded = { seed: SEED, unfolded: graph };
  const weights = seededModelWeights(seeded);
  const known = await knownFrames(graph, weights);
  say(`starting ${STAGES} peers`);
  const { node, processes, peers } = await openWorld(groups, undo);
  const open = (on: readonly PeerId[], index: number): Promise<Session> =>
    openSession({ node, graph, weights, seeded, plan: planOf(graph, on, index + 1), clock: systemClock });
  // Each peer in turn is the single one: none of them is the measure of all.
  const solos = await Promise.all(peers.map((peer, index) => open([peer], index)));
  const pipeline = await open(peers, STAGES);
  // Everything is loaded and warm, everybody READY: from here on these are small devices.
  for (const [index, { pid }] of processes.entries()) {
    groups.limit({
      name: `peer-${index + 1}`,
      pid,
      threadName: COMPUTE_THREAD,
      cores: CORES,
      others: 'limited',
    });
  }
  const rounds = quick ? 2 : 7;
  const soloFrames = quick ? 4 : 6;
  for (const session of [...solos, pipeline]) await measure(session, processes, known, 1);
  const solo: Measured[] = [];
  const piped: Measured[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const one = await measure(solos[round % STAGES]!, processes, known, soloFrames);
    const all = await measure(pipeline, processes, known, soloFrames * STAGES);
    solo.push(one);
    piped.push(all);
    const told = ({ framesPerSecond, busy }: Measured): string =>
      `${framesPerSecond.toFixed(2)} frames/s (compute ${(busy * 100).toFixed(0)} % of its quota)`;
    say(`round ${round + 1} of ${rounds}: one peer ${told(one)}, three ${told(all)}`);
  }
  const ratio = median(
    piped.map(({ framesPerSecond }, round) => framesPerSecond / solo[round]!.framesPerSecond),
  );
  const rate = (measured: readonly Measured[]): number =>
    median(measured.map((each) => each.framesPerSecond));
  const latency = (measured: readonly Measured[]): number =>
    median(measured.flatMap((each) => each.latenciesMs));
  const difference = Math.max(...[...solo, ...piped].map((each) => each.difference));
  return [
    { name: `${STAGES} equal stages on ${STAGES} peers over one such peer (${LIMITS})`, value: ratio, unit: '×', goal: { atLeast: 2.8 } },
    { name: 'rate per peer, of the single peer\'s', value: ratio / STAGES, unit: '×', goal: null },
    { name: `rate of ${STAGES} peers`, value: rate(piped), unit: 'frames/s', goal: null },
    { name: 'rate of one peer', value: rate(solo), unit: 'frames/s', goal: null },
    { name: `latency p50, ${STAGES} peers, ${pipeline.window} frames in flight`, value: latency(piped), unit: 'ms', goal: null },
    { name: `latency p50, one peer, ${solos[0]!.window} frames in flight`, value: latency(solo), unit: 'ms', goal: null },
    { name: `compute time used of the quota, ${STAGES} peers`, value: median(piped.map(({ busy }) => busy)), unit: '×', goal: null },
    { name: 'compute time used of the quota, one peer', value: median(solo.map(({ busy }) => busy)), unit: '×', goal: null },
    { name: 'largest relative difference from the unsplit model', value: difference, unit: '', goal: { atMost: 1e-4 } },
  ]; // prettier-ignore
}

export const pipeline: Benchmark = {
  summary:
    'a pipeline of three equal stages on three peers, each on a third of a core, over one such peer (needs root)',
  run: (context) => withCleanUp((undo) => rows(openCpuGroups(), undo, context)),
};
