import { shapeSize } from '../graph/box.ts';
import { definitionOf } from '../graph/ops/index.ts';
import { inputShapes } from '../graph/shapes.ts';
import { axisOf } from './axes.ts';
import { workMs } from './cost-model.ts';
import type { Draft, DraftLane, DraftSegment } from './draft.ts';
import { groundOf, type Ground } from './latency-paths.ts';
import { PACKED_COPIES } from './memory.ts';
import { mixesChannels } from './plan-builder.ts';
import type { Places } from './places.ts';
import { RangePass, type RangeAxis, type RangeCosts } from './range-costs.ts';
import { WHOLE, type Layout } from './search-space.ts';
import type { Device } from './world.ts';

export interface TeamRequest {
  readonly costs: RangeCosts;
  readonly devices: readonly Device[];
  readonly places: Places;
  readonly placeOf: readonly number[];
  /** Everybody takes part in all that is not too little to be shared; the one that computes that comes first. */
  readonly group: readonly number[];
  /** Of each device, relative. */
  readonly speeds: readonly number[];
  /** Bytes of a number on the wire. */
  readonly elementBytes: number;
  /** What holding all of the memory of a member is worth, in parts of the time that it computes per frame. */
  readonly memoryPrice: number;
  /** What a millisecond of moving tensors is worth, in milliseconds of computing: both go on at the same time. */
  readonly movePrice: number;
}

/** `dealt`: every member computes all of it, for its part of the frames. */
type TeamMethod = 'whole' | 'dealt' | 'rows' | 'columns' | 'channels' | 'sum-channels' | 'sum-rows';
const TEAM_METHODS: readonly TeamMethod[] = [
  'whole',
  'dealt',
  'rows',
  'columns',
  'channels',
  'sum-channels',
  'sum-rows',
];

/** Of what each member computes per frame: the most that one of them does for the others. */
const MOST_ALONE = 0.5;
/** Messages wait for each other: a way there and back is worth this part of it in time of an engine. */
const LATENCY_PRICE = 0.1;
/** Frames in flight whose inputs have to be held: of a split, and of each lane. */
const SPLIT_FRAMES = 4;
const LANE_FRAMES = 1.5;

export interface TeamPath {
  readonly draft: Draft;
  /** About what each engine has to do per frame, milliseconds. */
  readonly loadMs: number;
  /** About what each device has to hold. */
  readonly heldBytes: number;
}

interface State {
  readonly cost: number;
  readonly computeMs: number;
  readonly heldBytes: number;
  readonly from: number;
  readonly previous: TeamMethod;
}

/**
 * How a team makes frames at a high rate where memory is short: every run of ops is dealt frame by frame, cut in rows, in columns or by
 * channels, or taken apart into partial sums, such that all are about as busy, and what they hold has its price. Dynamic
 * programming, with a member of middle speed in the middle of the team for all of them. `undefined` where nothing fits.
 */
export function teamPath(request: TeamRequest): TeamPath | undefined {
  return new TeamSearch(request).path();
}

class TeamSearch {
  readonly #request: TeamRequest;
  readonly #ground: Ground;
  readonly #count: number;
  readonly #member: number;
  readonly #rowAxis: RangeAxis;
  readonly #passes = new Map<RangeAxis, RangePass>();
  readonly #best = new Map<number, Map<TeamMethod, State>>();
  readonly #weightsTo: readonly number[];
  readonly #workTo: readonly number[];
  readonly #roomBytes: number;
  readonly #msPerByte: number;
  readonly #aloneMs: number;
  readonly #latencyMs: number;

  constructor(request: TeamRequest) {
    this.#request = request;
    const { costs, group, devices, places, placeOf, memoryPrice } = request;
    const { space } = costs;
    this.#ground = groundOf(costs);
    this.#count = group.length;
    this.#member = group[group.length >> 1]!;
    this.#rowAxis = space.graph.inputs[0]!.shape.length === 4 ? 'depth' : 'height';
    const ops = space.graph.nodes.map((_, op) => space.tiles(op, op + 1, WHOLE)![0]!);
    this.#weightsTo = sums(ops.map(({ weightBytes }) => weightBytes));
    this.#workTo = sums(ops.map(({ workBytes }) => workBytes));
    const { profile } = devices[this.#member]!;
    const all = space.tiles(0, ops.length, WHOLE)![0]!;
    const shareMs = workMs(all.work, profile) / this.#count;
    this.#roomBytes = Math.min(...group.map((device) => devices[device]!.memoryBytes));
    this.#msPerByte = (memoryPrice * shareMs) / this.#roomBytes;
    this.#aloneMs = MOST_ALONE * shareMs;
    const { length } = places.places;
    const first = placeOf[group[0]!]!;
    this.#latencyMs = places.latencyMs[placeOf[group.at(-1)!]! * length + first]!;
  }

  path(): TeamPath | undefined {
    const { costs } = this.#request;
    const { points } = this.#ground;
    this.#best.set(
      0,
      new Map([['whole', { cost: 0, computeMs: 0, heldBytes: 0, from: -1, previous: 'whole' }]]),
    );
    for (const [index, end] of points.entries()) {
      if (end === 0) continue;
      const states = new Map<TeamMethod, State>();
      this.#best.set(end, states);
      for (const method of TEAM_METHODS) this.#extend(index, method, states);
    }
    const end = costs.space.graph.nodes.length;
    let method: TeamMethod | undefined;
    let least = Infinity;
    for (const [each, { cost }] of this.#best.get(end)!) {
      if (each.startsWith('sum') || cost >= least) continue;
      method = each;
      least = cost;
    }
    if (!method) return undefined;
    // Parts go by speed: who is slower than others has less.
    const { group, speeds } = this.#request;
    const slowness =
      (group.length * speeds[this.#member]!) / group.reduce((sum, device) => sum + speeds[device]!, 0);
    const { computeMs, heldBytes } = this.#best.get(end)!.get(method)!;
    const segments: DraftSegment[] = [];
    let alone = 0;
    for (let at = end; at > 0;) {
      const { from, previous }: State = this.#best.get(at)!.get(method)!;
      segments.unshift({ start: from, end: at, lanes: this.#lanes(method, alone) });
      // What is done by one alone is done by another the next time.
      if (method === 'whole' && previous !== 'whole') alone += 1;
      at = from;
      method = previous;
    }
    return { draft: segments, loadMs: computeMs * slowness, heldBytes };
  }

  #lanes(method: TeamMethod, alone: number): DraftLane[] {
    const { group, speeds } = this.#request;
    if (method === 'whole') return [{ share: 1, layout: WHOLE, devices: [group[alone % group.length]!] }];
    if (method === 'dealt') {
      return group.map((device) => ({ share: speeds[device]!, layout: WHOLE, devices: [device] }));
    }
    const shares = group.map((device) => speeds[device]!);
    const cut = { axis: this.#axisOf(method), shares };
    const layout: Layout = method.startsWith('sum') ? { cuts: [], sum: cut } : { cuts: [cut] };
    return [{ share: 1, layout, devices: group }];
  }

  #axisOf(method: TeamMethod): RangeAxis {
    if (method === 'columns') return 'width';
    return method === 'rows' || method === 'sum-rows' ? this.#rowAxis : 'channel';
  }

  /** Of an extent, what the member in the middle has, which is no less than what others have. */
  #part(extent: number): readonly [number, number] {
    const length = Math.ceil(extent / this.#count);
    const low = Math.min(Math.floor((extent * (this.#count >> 1)) / this.#count), extent - length);
    return [low, low + length];
  }

  #passAlong(axis: RangeAxis): RangePass {
    const { costs, devices } = this.#request;
    let pass = this.#passes.get(axis);
    if (!pass) this.#passes.set(axis, (pass = new RangePass(costs, axis, devices[this.#member]!.profile)));
    return pass;
  }

  /** Begins a pass at the end of a segment; what it takes beside, or `undefined` where this method cannot end here. */
  #begin(index: number, method: TeamMethod, pass: RangePass): number | undefined {
    const { costs, devices } = this.#request;
    const { points, sumPoints, alive } = this.#ground;
    const end = points[index]!;
    const axis = this.#axisOf(method);
    const last = costs.space.graph.nodes[end - 1]!;
    const isSum = method.startsWith('sum');
    if (sumPoints.has(end) && !isSum) return undefined;
    pass.begin(end);
    if (isSum) {
      const domain = costs.space.sumDomain(end - 1, end);
      const at = domain && axisOf(domain, axis);
      if (at === undefined || (domain!.length === 1 && axis !== 'channel')) return undefined;
      const [low, high] = this.#part(domain![at]!);
      const { fixedMs, partMs } = costs.times(devices[this.#member]!.profile, 'sum')[end - 1]!;
      pass.need(costs.inputsOf(end - 1)[0]!, low, high);
      pass.backTo(end - 1);
      const inputs = inputShapes(last, costs.space.shapes);
      return definitionOf(last.op).linear && definitionOf(last.op).reduceShape(last.op, inputs).length > 0
        ? fixedMs + (partMs * (high - low)) / domain![at]!
        : undefined;
    }
    let isCuttable = method === 'whole' || method === 'dealt';
    for (const tensor of alive[index]!) {
      const shape = costs.shapes[tensor]!;
      const at = axisOf(shape, axis);
      const op = tensor - costs.inputCount;
      const isCut = at !== undefined && (op < 0 || costs.flow(axis, op).axis >= 0);
      if (method === 'whole' || method === 'dealt' || !isCut) {
        pass.need(tensor, 0, at === undefined ? 1 : shape[at]!);
        continue;
      }
      if (op >= 0) isCuttable = true;
      pass.need(tensor, ...this.#part(shape[at]!));
    }
    return isCuttable ? 0 : undefined;
  }

  /** Every segment that ends here with this method, behind every way to its start. */
  #extend(index: number, method: TeamMethod, states: Map<TeamMethod, State>): void {
    const { costs, devices } = this.#request;
    const { points } = this.#ground;
    const end = points[index]!;
    const pass = this.#passAlong(this.#axisOf(method));
    const beside = this.#begin(index, method, pass);
    if (beside === undefined) return;
    const { tileMs } = devices[this.#member]!.profile;
    const isShared = method === 'whole' || method === 'dealt';
    const holdsAll = method === 'rows' || method === 'columns' || method === 'dealt';
    let mixed = 0;
    for (let from = index - 1; from >= 0; from--) {
      const start = points[from]!;
      pass.backTo(start);
      for (let op = start; op < points[from + 1]!; op++) {
        if (mixesChannels(costs.space.graph.nodes[op]!)) mixed += 1;
      }
      // Channels of a second layer need all of the first: everybody would compute it whole.
      if ((method === 'channels' || method.startsWith('sum')) && mixed > 1) break;
      const ms = pass.ms + beside + tileMs;
      if (method === 'whole' && ms > this.#aloneMs) break;
      const weights = this.#weightsTo[end]! - this.#weightsTo[start]!;
      const work = (this.#workTo[end]! - this.#workTo[start]!) / (isShared ? 1 : this.#count);
      const held = holdsAll ? weights : method === 'whole' ? weights / 2 : weights / this.#count;
      // While it is loaded, what arrives is there beside what is held.
      if (held * PACKED_COPIES + work > this.#roomBytes) break;
      const before = this.#best.get(start);
      if (!before) continue;
      const inputs = this.#inputBytes(from, pass, method);
      const computeMs = isShared ? ms / this.#count : ms;
      for (const [previous, state] of before) {
        const cost =
          state.cost +
          computeMs +
          this.#msPerByte * (held + inputs) +
          this.#moveCost(from, previous, method, pass);
        const known = states.get(method);
        if (known && cost >= known.cost) continue;
        states.set(method, {
          cost,
          computeMs: state.computeMs + computeMs,
          heldBytes: state.heldBytes + held,
          from: start,
          previous,
        });
      }
    }
  }

  /** Of what a segment reads, the part along its axis. */
  #wanted(tensor: number, pass: RangePass, method: TeamMethod): number {
    const shape = this.#request.costs.shapes[tensor]!;
    const at = axisOf(shape, this.#axisOf(method));
    const low = pass.low[tensor]!;
    const high = pass.high[tensor]!;
    if (high <= low) return 0;
    return at === undefined ? 1 : (high - low) / shape[at]!;
  }

  #inputBytes(from: number, pass: RangePass, method: TeamMethod): number {
    const { costs } = this.#request;
    let bytes = 0;
    for (const tensor of this.#ground.alive[from]!) {
      bytes += 4 * shapeSize(costs.shapes[tensor]!) * this.#wanted(tensor, pass, method);
    }
    return bytes * (method === 'dealt' ? LANE_FRAMES * this.#count : SPLIT_FRAMES);
  }

  /** Of the member in the middle, per frame. */
  #moveCost(from: number, previous: TeamMethod, method: TeamMethod, pass: RangePass): number {
    const { costs, places, placeOf, elementBytes, movePrice } = this.#request;
    const isFirst = this.#ground.points[from] === 0;
    if (!isFirst && previous === method && (method === 'dealt' || method === 'whole')) return 0;
    const count = this.#count;
    const { transport } = places.places[placeOf[this.#member]!]!;
    let bytes = 0;
    let pieces = 0;
    for (const tensor of this.#ground.alive[from]!) {
      const wanted = this.#wanted(tensor, pass, method);
      if (wanted === 0) continue;
      const isImage = isFirst && costs.space.graph.inputs[tensor]?.image;
      const size = shapeSize(costs.shapes[tensor]!) * (isImage ? 1 : elementBytes);
      const toOne = method === 'dealt' || method === 'whole';
      if (isFirst) {
        bytes += toOne ? size / count : size * wanted;
        pieces += toOne ? 1 / count : 1;
      } else if (previous === 'dealt' || previous === 'whole') {
        bytes += toOne ? size / count : size * wanted * (1 - 1 / count);
        pieces += 2;
      } else {
        const missing = previous.startsWith('sum')
          ? wanted * (count - 1)
          : wanted - this.#kept(tensor, previous, method, pass);
        if (missing <= 0) continue;
        bytes += (size * missing) / (toOne ? count : 1);
        pieces += toOne ? 2 : 2 * Math.min(count - 1, Math.ceil(missing * count));
      }
    }
    if (bytes === 0) return 0;
    const threadMs =
      pieces * transport.pieceMs +
      bytes * (transport.receiveMsPerByte + (isFirst ? 0 : transport.sendMsPerByte));
    const linkMs = bytes / Math.min(transport.downlinkBytesPerMs, transport.uplinkBytesPerMs);
    return movePrice * Math.max(threadMs, linkMs) + LATENCY_PRICE * this.#latencyMs;
  }

  /** Of a tensor, what the member has of it that it needs. */
  #kept(tensor: number, previous: TeamMethod, method: TeamMethod, pass: RangePass): number {
    const shape = this.#request.costs.shapes[tensor]!;
    const axis = axisOf(shape, this.#axisOf(previous));
    const wanted = this.#wanted(tensor, pass, method);
    if (axis === undefined || axis !== axisOf(shape, this.#axisOf(method))) return wanted / this.#count;
    const [low, high] = this.#part(shape[axis]!);
    const common = Math.min(high, pass.high[tensor]!) - Math.max(low, pass.low[tensor]!);
    return Math.max(0, common) / shape[axis]!;
  }
}

function sums(values: readonly number[]): number[] {
  const made = [0];
  for (const value of values) made.push(made.at(-1)! + value);
  return made;
}
