import { basename } from 'node:path';
import pc from 'picocolors';
import type { Engine } from '../src/engine/engine.ts';
import type { LoadedModel } from '../src/import/load-model.ts';
import { isLossyTraffic, type CodecTraffic } from '../src/planner/plan-codec.ts';
import type { SessionEvent } from '../src/runtime/session.ts';
import type { ReadTally } from '../src/weights/cached-http.ts';
import { noOrigins, type WeightOrigins } from '../src/runtime/room-blocks.ts';
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
import { deviceNames, type RoomPeer } from './room-peers.ts';
import { peerWork, type PeerWork, type SpreadModel } from './spread-model.ts';
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
  if (spread.choice) {
    const names = deviceNames(spread.peers);
    terminal.say(`${describePrediction(summarizeChoice(model.graph.name, spread.choice, names))}\n`);
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
  if (!spread.choice) return { results, work, verify };
  const { prediction } = spread.choice;
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
  const seconds = (arrivalsMs.at(-1)! - arrivalsMs[0]!) / 1000;
  return {
    latencyMs: median(results.map(({ latencyMs }) => latencyMs)),
    loaded: spread.session.window > 1 && count > 1,
    ...(verified || count < LEAST_FRAMES ? {} : { framesPerSecond: (count - 1) / seconds }),
    computeMs: new Map(
      work.map(({ id, tiles }) => [
        id,
        tiles.reduce((sum, { computeMs = 0, frames }) => sum + computeMs * frames, 0) / count,
      ]),
    ),
  };
}

/** A bar per peer while it gets its weights and warms up. */
export function showLoading(terminal: Terminal, peers: readonly RoomPeer[]): (event: SessionEvent) => void {
  const nameOf = deviceNames(peers);
  const bars = new Map<string, ProgressItem>();
  return (event) => {
    const label = nameOf(event.peer);
    const known = bars.get(event.peer);
    if (event.type === 'ready') {
      const total = known?.total ?? 0;
      bars.set(event.peer, { label, done: total, total, format: formatBytes, state: 'ready' });
    } else {
      const { loadedBytes: done, totalBytes: total } = event;
      const state = done >= total ? { state: 'warming up' } : {};
      bars.set(event.peer, { label, done, total, format: formatBytes, ...state });
    }
    terminal.bars([...bars.values()].sort((a, b) => a.label.localeCompare(b.label)));
  };
}

/** Where the peers' weights came from, all together; nothing where they computed them. */
export function weightSources({ session }: SpreadModel): WeightOrigins | undefined {
  const known = session.peers.flatMap(({ sources }) => sources ?? []);
  if (known.length === 0) return undefined;
  const sum = noOrigins();
  for (const sources of known) {
    for (const key of Object.keys(sum) as (keyof WeightOrigins)[]) sum[key] += sources[key];
  }
  return sum;
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
