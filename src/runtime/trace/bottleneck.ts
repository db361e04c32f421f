import { median } from '../../shared/median.ts';
import type { PeerId } from '../../shared/ids.ts';
import type { PathStage, PathStep } from './critical-path.ts';
import type { DeviceSummary, FrameSummary, LinkSummary, TileSummary } from './usage.ts';

/** What is busy: an engine, a link, or the thread of a device that cuts pieces out and puts them into place. */
export type Resource =
  | { readonly kind: 'compute' | 'handling'; readonly peer: PeerId }
  | { readonly kind: 'link'; readonly from: PeerId; readonly to: PeerId };

export interface Bottleneck {
  /** What bounds the frames per second: `latency` where nothing is busy all the time, as when frames run one after another. */
  readonly rate: {
    readonly bound: 'resource' | 'latency';
    /** The busiest. */
    readonly resource: Resource;
    /** 0–1, of the time with frames in flight. */
    readonly busy: number;
    /** Frames per second if it were busy all the time. */
    readonly framesPerSecondAtMost: number;
  };
  /** What takes most of the critical paths of all frames. */
  readonly latency: {
    readonly stage: PathStage;
    readonly device: PeerId;
    readonly from?: PeerId;
    readonly segment: number;
    readonly tile: number;
    /** 0–1, of the frames' latencies. */
    readonly share: number;
  };
  readonly sentence: string;
}

interface Facts {
  readonly frames: readonly FrameSummary[];
  readonly paths: readonly (readonly PathStep[])[];
  readonly concurrency: number;
  readonly framesPerSecond: number;
  readonly devices: readonly DeviceSummary[];
  readonly links: readonly LinkSummary[];
  readonly tiles: readonly TileSummary[];
  readonly nameOf: (peer: PeerId) => string;
}

/** Below this many frames in flight on average there is no pipeline that a resource could hold up. */
const PIPELINED = 1.2;
/** What is busy for less of the time has idle gaps that others leave: it is not what holds everything up. */
const SATURATED = 0.7;

export function bottleneckOf(facts: Facts): Bottleneck {
  const rate = rateBound(facts);
  const latency = latencyBound(facts);
  const sentence =
    facts.frames.length === 0
      ? 'No frame has a result, so there is no bottleneck to name.'
      : `${rateSentence(rate, facts)} ${latencySentence(latency, facts)}`;
  return { rate, latency, sentence };
}

function rateBound({ devices, links, concurrency, framesPerSecond }: Facts): Bottleneck['rate'] {
  const [requester] = devices;
  const resources: { readonly resource: Resource; readonly busy: number }[] = [
    ...devices.map(({ peer, busy }) => ({ resource: { kind: 'compute', peer } as const, busy })),
    ...links.map(({ from, to, busy }) => ({ resource: { kind: 'link', from, to } as const, busy })),
    ...devices.map(({ peer, handlingBusy }) => ({
      resource: { kind: 'handling', peer } as const,
      busy: handlingBusy,
    })),
  ];
  const { resource, busy } = resources.reduce(
    (busiest, other) => (other.busy > busiest.busy ? other : busiest),
    resources[0] ?? { resource: { kind: 'compute', peer: requester!.peer }, busy: 0 },
  );
  return {
    bound: concurrency < PIPELINED || busy < SATURATED ? 'latency' : 'resource',
    resource,
    busy,
    framesPerSecondAtMost: busy > 0 ? framesPerSecond / busy : 0,
  };
}

function latencyBound({ frames, paths, devices }: Facts): Bottleneck['latency'] {
  const sums = new Map<string, { readonly step: PathStep; sumMs: number }>();
  for (const step of paths.flat()) {
    const { stage, device, from, segment, tile, startMs, endMs } = step;
    const key = `${stage}/${device}/${from ?? ''}/${segment}/${tile}`;
    const entry = sums.get(key) ?? { step, sumMs: 0 };
    entry.sumMs += endMs - startMs;
    sums.set(key, entry);
  }
  const totalMs = frames.reduce((sum, { latencyMs }) => sum + latencyMs, 0);
  const [first, ...rest] = [...sums.values()];
  if (!first) return { stage: 'unknown', device: devices[0]!.peer, segment: -1, tile: 0, share: 0 };
  const { step, sumMs } = rest.reduce(
    (largest, other) => (other.sumMs > largest.sumMs ? other : largest),
    first,
  );
  const { stage, device, from, segment, tile } = step;
  return {
    stage,
    device,
    ...(from === undefined ? {} : { from }),
    segment,
    tile,
    share: totalMs > 0 ? sumMs / totalMs : 0,
  };
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;
const number = (value: number): string => (value < 10 ? value.toFixed(2) : value.toFixed(0));
const opRange = ({ ops, firstOp, lastOp }: TileSummary): string =>
  ops[1] - ops[0] === 1 ? `op ${ops[0]}, ${firstOp}` : `ops ${ops[0]}–${ops[1] - 1}, ${firstOp} … ${lastOp}`;

function describeResource(resource: Resource, { tiles, nameOf }: Facts): string {
  if (resource.kind === 'link') return `the link from ${nameOf(resource.from)} to ${nameOf(resource.to)}`;
  if (resource.kind === 'handling') return `copying pieces on ${nameOf(resource.peer)}`;
  const [slowest] = tiles
    .filter(({ peer }) => peer === resource.peer)
    .sort((a, b) => b.computeMs - a.computeMs);
  return `computing on ${nameOf(resource.peer)}${slowest ? ` (most of it ${opRange(slowest)})` : ''}`;
}

function rateSentence(
  { bound, resource, busy, framesPerSecondAtMost }: Bottleneck['rate'],
  facts: Facts,
): string {
  const what = describeResource(resource, facts);
  if (bound === 'latency') {
    const why =
      facts.concurrency < PIPELINED
        ? 'frames run one after another'
        : `nothing is busy all the time with ${facts.concurrency.toFixed(1)} frames in flight`;
    return (
      `Rate: ${why}, so the latency bounds it; with more in flight, ` +
      `${what} would bound it at ${number(framesPerSecondAtMost)} frames per second.`
    );
  }
  return `Rate: bounded by ${what}, busy ${percent(busy)} of the time (${number(framesPerSecondAtMost)} frames per second at most).`;
}

function latencySentence(
  { stage, device, from, segment, tile, share }: Bottleneck['latency'],
  facts: Facts,
): string {
  const { tiles, nameOf } = facts;
  const place = tiles.find(
    (candidate) => candidate.segment === segment && candidate.tile === tile && candidate.peer === device,
  );
  const ops = place ? ` (${opRange(place)})` : '';
  const doing: Record<PathStage, string> = {
    compute: `computing on ${nameOf(device)}${ops}`,
    queue: `waiting for the engine of ${nameOf(device)}${ops}`,
    transfer: `the way from ${nameOf(from ?? device)} to ${nameOf(device)}`,
    encode: `cutting out pieces on ${nameOf(device)}`,
    assemble: `putting pieces into place on ${nameOf(device)}`,
    unknown: 'time that the trace does not cover',
  };
  const typicalMs = median(facts.frames.map(({ latencyMs }) => latencyMs));
  return `Latency: ${percent(share)} of a frame's ${number(typicalMs)} ms is ${doing[stage]}.`;
}
