import { basename } from 'node:path';
import pc from 'picocolors';
import type { Engine } from '../src/engine/engine.ts';
import type { LoadedModel } from '../src/import/load-model.ts';
import { isLossyTraffic, type CodecTraffic } from '../src/planner/plan-codec.ts';
import type { ReplanReason } from '../src/runtime/replan.ts';
import type { ReadTally } from '../src/weights/cached-http.ts';
import { sumOrigins, type WeightOrigins } from '../src/runtime/room-blocks.ts';
import { unreachable } from '../src/shared/errors.ts';
import type { PeerId } from '../src/shared/ids.ts';
import { median } from '../src/shared/median.ts';
import {
  classifyFrames,
  isVerified,
  worstComparison,
  type Classified,
  type Verification,
} from './classify.ts';
import type { NamedFrame } from './frames.ts';
import { summarizeChoice } from './planning/plan-preview.ts';
import {
  comparisons,
  describeComparisons,
  describePrediction,
  type ComparedFigure,
  type Measured,
} from './planning/plan-report.ts';
import type { ProgressItem } from './progress-view.ts';
import { deviceNames, describeSurveyEvent, type RoomPeer } from './room-peers.ts';
import { peerWork, type PeerWork, type SpreadEvent, type SpreadModel } from './spread-model.ts';
import { formatBytes, formatMs, table, type Terminal } from './terminal.ts';

export interface FramesReport {
  readonly results: Classified[];
  readonly work: PeerWork[];
  readonly verify: Verification | undefined;
  /** Where the plan was chosen: what it was expected to do, beside what it did. */
  readonly expected?: readonly Pick<ComparedFigure, 'what' | 'predicted' | 'actual'>[];
}

/** Runs frames through a spread model and tells a person about each, about who did what, and about the comparison. */
export async function runFrames(options: {
  readonly terminal: Terminal;
  readonly spread: SpreadModel;
  readonly model: LoadedModel;
  readonly frames: readonly NamedFrame[];
  readonly topCount: number;
  readonly verifyWith?: Engine;
}): Promise<FramesReport> {
  const { terminal, spread, model } = options;
  const total = options.frames.length;
  let done = 0;
  const arrivalsMs: number[] = [];
  // A better plan may take its place while frames run.
  const { choice } = spread;
  if (choice) {
    const names = deviceNames(spread.peers);
    terminal.say(`${describePrediction(summarizeChoice(model.graph.name, choice, names))}\n`);
  }
  const showFrames = (): void => {
    const label = options.verifyWith ? 'frames, each compared with the unsplit model' : 'frames';
    if (total > 1 && done < total) terminal.bars([{ label, done, total, format: formatWhole }]);
  };
  const results = await classifyFrames({
    ...options,
    session: spread.session,
    onUnsplitLoading: (loadedBytes, totalBytes) => {
      const state = loadedBytes >= totalBytes ? { state: 'warming up' } : {};
      terminal.bars([
        { label: 'unsplit model', done: loadedBytes, total: totalBytes, format: formatBytes, ...state },
      ]);
    },
    onStart: () => {
      terminal.endProgress();
      showFrames();
    },
    onResult: (result) => {
      done += 1;
      arrivalsMs.push(performance.now());
      terminal.say(describeResult(result));
      showFrames();
    },
  });
  terminal.endProgress();
  const work = peerWork(
    spread,
    model.graph.nodes,
    results.map(({ frame }) => frame),
  );
  const verify = worstComparison(results);
  terminal.say(`\n${describeWork(work, model.graph.nodes.length)}`);
  terminal.say(describeTraffic(results.at(-1)?.traffic ?? []));
  if (verify) terminal.say(describeVerification(verify, results.length));
  // Several plans have no figures in common.
  const isOnePlan = results.every(({ frame }) => frame.plan.epoch === results[0]?.frame.plan.epoch);
  if (!choice || !isOnePlan) return { results, work, verify };
  const { prediction } = choice;
  const measured = measuredBy({
    spread,
    results,
    work,
    arrivalsMs,
    verified: options.verifyWith !== undefined,
  });
  const figures = comparisons(prediction, measured, deviceNames(spread.peers));
  terminal.say(`\n${describeComparisons(figures)}`);
  const expected = figures.map(({ what, predicted, actual }) => ({ what, predicted, actual }));
  return { results, work, verify, expected };
}

/** Fewer frames say nothing about a rate. */
const LEAST_FRAMES = 4;

function measuredBy(run: {
  readonly spread: SpreadModel;
  readonly results: readonly Classified[];
  readonly work: readonly PeerWork[];
  readonly arrivalsMs: readonly number[];
  /** This device computed every frame again meanwhile: the rate is not the mesh's. */
  readonly verified: boolean;
}): Measured {
  const { spread, results, work, arrivalsMs, verified } = run;
  const count = results.length;
  // The first ones fill the pipeline.
  const counted = arrivalsMs.slice(Math.min(spread.session.window, count) - 1);
  const seconds = (counted.at(-1)! - counted[0]!) / 1000;
  return {
    latencyMs: median(results.map(({ latencyMs }) => latencyMs)),
    loaded: spread.session.window > 1 && count > 1,
    ...(verified || counted.length < LEAST_FRAMES ? {} : { framesPerSecond: (counted.length - 1) / seconds }),
    computeMs: new Map(
      work.map(({ id, tiles }) => [
        id,
        tiles.reduce((sum, { computeMs = 0, frames }) => sum + computeMs * frames, 0) / count,
      ]),
    ),
  };
}

/** A bar per peer while it gets its weights and warms up, and a line for everything that changes the plan afterwards. */
export function showSpreading(terminal: Terminal, peers: readonly RoomPeer[]): (event: SpreadEvent) => void {
  const nameOf = deviceNames(peers);
  const bars = new Map<string, ProgressItem>();
  let isSpread = false;
  const show = (peer: PeerId, item: Omit<ProgressItem, 'label' | 'format'>): void => {
    bars.set(peer, { label: nameOf(peer), format: formatBytes, ...item });
    terminal.bars([...bars.values()].sort((a, b) => a.label.localeCompare(b.label)));
  };
  return (event) => {
    switch (event.type) {
      case 'loading': {
        // Whoever loads for a later plan does so beside the frames.
        if (isSpread) return;
        const { loadedBytes: done, totalBytes: total } = event;
        show(event.peer, { done, total, ...(done >= total ? { state: 'warming up' } : {}) });
        return;
      }
      case 'ready': {
        if (isSpread) return;
        const total = bars.get(event.peer)?.total ?? 0;
        show(event.peer, { done: total, total, state: 'ready' });
        return;
      }
      case 'switched':
        if (isSpread) terminal.note(`another plan from here on: ${REASONS[event.reason]}`);
        isSpread = true;
        return;
      case 'peer-lost':
      case 'waiting':
        terminal.note(`${event.error.message}; frames under way are computed again`);
        return;
      case 'peer-leaving':
        terminal.note(`${nameOf(event.peer)} is leaving: its work goes to others`);
        return;
      case 'peer-slow':
        terminal.note(`${nameOf(event.peer)} takes far longer than it should`);
        return;
      case 'pausing':
        terminal.note(`frames wait for the next plan: ${event.error.message}`);
        return;
      case 'device-silent':
      case 'link-unmeasured':
      case 'link-measured': {
        const sentence = describeSurveyEvent(event, nameOf);
        if (sentence) terminal.note(sentence);
        return;
      }
      case 'planned':
      case 'switching':
      case 'kept':
        return;
      default:
        unreachable(event);
    }
  };
}

const REASONS: Readonly<Record<ReplanReason, string>> = {
  start: 'the first one',
  'peer-lost': 'a device is gone',
  'peer-leaving': 'a device is leaving',
  'peer-joined': 'a device has come',
  slow: 'a device has become slower',
  better: 'devices are faster than they were',
  asked: 'it was asked for',
};

/** Where the peers' weights came from, all together; nothing where they computed them. */
export function weightSources({ session }: SpreadModel): WeightOrigins | undefined {
  const known = session.peers.flatMap(({ sources }) => sources ?? []);
  return known.length === 0 ? undefined : sumOrigins(known);
}

export function describeSources(sources: WeightOrigins): string {
  const { cacheBytes, peerBytes, originBytes, requesterBytes } = sources;
  const total = cacheBytes + peerBytes + originBytes + requesterBytes;
  const parts = [
    [cacheBytes, 'cache'],
    [peerBytes, 'peers'],
    [originBytes, 'origin'],
    [requesterBytes, 'requester'],
  ] as const;
  const shares = parts
    .filter(([bytes]) => bytes > 0)
    .map(([bytes, name]) => `${Math.round((100 * bytes) / total)} % ${name}`);
  return `Weights of the peers: ${formatBytes(total)}: ${shares.join(', ') || 'nothing'}.`;
}

/** What this program read over HTTP, and how much of it was there already; nothing where it read no URL. */
export function describeDownload({ cacheBytes, originBytes }: ReadTally): string | undefined {
  const total = cacheBytes + originBytes;
  if (total === 0) return undefined;
  const percent = Math.round((100 * cacheBytes) / total);
  return `Model files: ${formatBytes(originBytes)} from their server, ${formatBytes(cacheBytes)} (${percent} %) from the cache.`;
}

/** Frames per second have decimals, frames have none. */
const formatWhole = (value: number): string => (Number.isInteger(value) ? String(value) : value.toFixed(1));

function describeResult({ input, top, latencyMs, verify, traffic }: Classified): string {
  const exact = !isLossyTraffic(traffic);
  const [best, ...others] = top;
  const name = (prediction: typeof best): string => prediction?.label ?? `class ${prediction?.index ?? '?'}`;
  const percent = (score: number): string => `${(score * 100).toFixed(1)} %`;
  const checked = verify
    ? isVerified({ ...verify, exact, top1Agreement: Number(verify.sameTop1) })
      ? pc.green(`✓ same ${exact ? 'as' : 'answer as'} unsplit (Δ ${verify.maxAbsDiff.toExponential(1)})`)
      : pc.red(`✗ differs from unsplit (Δ ${verify.maxAbsDiff.toExponential(1)})`)
    : '';
  const rest = others
    .slice(0, 2)
    .map((other) => `${name(other)} ${percent(other.score)}`)
    .join(', ');
  return [
    `${basename(input).padEnd(24)} ${pc.bold(name(best))} ${percent(best?.score ?? 0)}`,
    rest ? pc.dim(`(${rest})`) : '',
    formatMs(latencyMs),
    checked,
  ]
    .filter(Boolean)
    .join('  ');
}

/** Who computed what, as a table. */
export function describeWork(work: readonly PeerWork[], opCount: number): string {
  const rows = work.map(({ name, engine, weightBytes, tiles }) => {
    const times = tiles.flatMap(({ computeMs }) => computeMs ?? []);
    return [
      name,
      engine,
      describeTiles(tiles),
      formatBytes(weightBytes),
      times.length > 0 ? formatMs(times.reduce((sum, ms) => sum + ms, 0)) : '–',
    ];
  });
  return table(['peer', 'engine', `ops of ${opCount}`, 'weights', 'compute per frame'], rows);
}

/** Every tile while they fit into a line; otherwise how many there are, and between which ops. */
function describeTiles(tiles: PeerWork['tiles']): string {
  const [first] = tiles;
  const last = tiles.at(-1);
  if (!first || !last) return 'nothing';
  const range = (ops: readonly [number, number], from: string, to: string): string =>
    `${ops[0]}–${ops[1] - 1} (${from} … ${to})`;
  if (tiles.length <= 2) {
    return tiles.map(({ ops, firstOp, lastOp }) => range(ops, firstOp, lastOp)).join(', ');
  }
  return `${tiles.length} tiles in ${range([first.ops[0], last.ops[1]], first.firstOp, last.lastOp)}`;
}

/** What a frame sends over links, and what that would be as f32. */
function describeTraffic(traffic: readonly CodecTraffic[]): string {
  const sum = (pick: (entry: CodecTraffic) => number): number =>
    traffic.reduce((total, entry) => total + pick(entry), 0);
  const bytes = sum((entry) => entry.bytes);
  const f32Bytes = sum((entry) => entry.f32Bytes);
  const parts = traffic.map((entry) => `${entry.codec} ${formatBytes(entry.bytes)}`).join(', ');
  const saved = bytes < f32Bytes ? `; as f32 it would be ${formatBytes(f32Bytes)}` : '';
  return `Sent over links per frame: ${formatBytes(bytes)} (${parts})${saved}.`;
}

function describeVerification(verify: Verification, count: number): string {
  const difference = verify.maxAbsDiff.toExponential(2);
  if (!verify.exact) {
    const same = Math.round(verify.top1Agreement * count);
    const text = `Rounded on its way: the same first answer as the unsplit model for ${same} of ${count}, largest difference ${difference} (largest output ${verify.maxAbs.toPrecision(3)}).`;
    return isVerified(verify) ? pc.green(text) : pc.red(text);
  }
  return isVerified(verify)
    ? pc.green(`Verified: equal to the unsplit model (largest difference ${difference}).`)
    : pc.red(
        `NOT equal to the unsplit model: largest difference ${difference}, same answer: ${verify.sameTop1}.`,
      );
}
