import { shapeSize } from '../graph/box.ts';
import { definitionOf } from '../graph/ops/index.ts';
import { inputShapes } from '../graph/shapes.ts';
import { axisOf, type AxisName } from './axes.ts';
import type { Draft, DraftSegment } from './draft.ts';
import { mixesChannels } from './plan-builder.ts';
import type { Places } from './places.ts';
import { RangePass, type RangeAxis, type RangeCosts } from './range-costs.ts';
import { WHOLE, type Layout } from './search-space.ts';
import { cutRanges } from './splits.ts';
import type { Device } from './world.ts';

/** How a run of ops is dealt to a group. */
export type Method = 'whole' | 'rows' | 'columns' | 'channels' | 'sum-channels' | 'sum-rows';
export const METHODS: readonly Method[] = [
  'whole',
  'rows',
  'columns',
  'channels',
  'sum-channels',
  'sum-rows',
];

const MANY_POINTS = 48;
const LARGEST_SUM_BYTES = 65_536;

export interface PathRequest {
  readonly costs: RangeCosts;
  readonly devices: readonly Device[];
  readonly places: Places;
  readonly placeOf: readonly number[];
  /** Who takes part, the one that computes what is not split first. */
  readonly group: readonly number[];
  /** Per device of the group, of convolutions and of dense layers. */
  readonly shares: { readonly conv: readonly number[]; readonly dense: readonly number[] };
  /** Bytes of a number on the wire. */
  readonly elementBytes: number;
  readonly methods?: readonly Method[];
}

interface State {
  readonly ms: number;
  readonly from: number;
  readonly previous: Method;
  readonly dense: boolean;
}

/** What a device has or needs of a tensor: a range along an axis (−1: all of it). */
interface Part {
  readonly axis: number;
  readonly low: number;
  readonly high: number;
}
const ALL: Part = { axis: -1, low: 0, high: 1 };
const NOTHING: Part = { axis: -1, low: 0, high: 0 };

/**
 * The quickest way of one frame through a group: dynamic programming over cuts and methods, with the time of a segment
 * being that of its slowest device, behind the slowest transfer. A rough view, without overlap of any kind.
 */
export function latencyPath(request: PathRequest): Draft {
  return new PathSearch(request).draft();
}

/** Where paths may be cut, whoever takes them. */
export interface Ground {
  readonly points: readonly number[];
  /** Points where partial sums end and nothing else does. */
  readonly sumPoints: ReadonlySet<number>;
  /** Tensors that cross each point. */
  readonly alive: readonly (readonly number[])[];
}

const grounds = new WeakMap<RangeCosts, Ground>();

export function groundOf(costs: RangeCosts): Ground {
  let ground = grounds.get(costs);
  if (!ground) grounds.set(costs, (ground = findGround(costs)));
  return ground;
}

function findGround(costs: RangeCosts): Ground {
  const { graph, cutPoints, shapes } = costs.space;
  const sums = new Set<number>();
  for (const [index, node] of graph.nodes.entries()) {
    // Every device sends all of its partial sums: only small ones are worth it.
    const outputBytes = 4 * shapeSize(shapes.get(node.id)!);
    if (outputBytes <= LARGEST_SUM_BYTES && costs.space.sumDomain(index, index + 1)) sums.add(index + 1);
  }
  const everywhere = [...new Set([...cutPoints, ...sums])].sort((a, b) => a - b);
  const alive = aliveTensors(costs, everywhere);
  // Of deep graphs, only the cuts that one tensor crosses; local search moves them.
  const kept = [...everywhere.keys()].filter(
    (index) => everywhere.length <= MANY_POINTS || alive[index]!.length <= 1 || everywhere[index] === 0,
  );
  return {
    points: kept.map((index) => everywhere[index]!),
    sumPoints: new Set([...sums].filter((point) => !cutPoints.includes(point))),
    alive: kept.map((index) => alive[index]!),
  };
}

class PathSearch {
  readonly #request: PathRequest;
  readonly #points: readonly number[];
  readonly #sumPoints: ReadonlySet<number>;
  readonly #alive: readonly (readonly number[])[];
  readonly #bytes: readonly number[];
  readonly #rowAxis: RangeAxis;
  readonly #passes = new Map<RangeAxis, readonly RangePass[]>();
  readonly #best = new Map<number, Map<Method, State>>();
  readonly #latencyMs: number;
  readonly #count: number;
  /** Of the ops before each one on the first device, and what is left of its time where all share its work. */
  readonly #soloBefore: number[];
  readonly #teamShare: number;
  // Reused for every transition.
  readonly #received: Float64Array;
  readonly #sent: Float64Array;
  readonly #pieces: Float64Array;
  readonly #parts: (readonly Part[] | undefined)[] = [];

  constructor(request: PathRequest) {
    this.#request = request;
    const { costs, group, places, placeOf } = request;
    const { graph } = costs.space;
    this.#count = group.length;
    const { points, sumPoints, alive } = groundOf(costs);
    this.#points = points;
    this.#sumPoints = sumPoints;
    this.#alive = alive;
    this.#bytes = costs.shapes.map((shape) => shapeSize(shape) * request.elementBytes);
    this.#rowAxis = graph.inputs[0]!.shape.length === 4 ? 'depth' : 'height';
    let latencyMs = 0;
    const count = places.places.length;
    for (const a of group) {
      for (const b of group) {
        if (a !== b) latencyMs = Math.max(latencyMs, places.latencyMs[placeOf[a]! * count + placeOf[b]!]!);
      }
    }
    this.#latencyMs = latencyMs;
    const times = costs.times(request.devices[group[0]!]!.profile, 'channel');
    this.#soloBefore = [0];
    for (const { fixedMs, partMs } of times) {
      this.#soloBefore.push(this.#soloBefore.at(-1)! + fixedMs + partMs);
    }
    const { conv, dense } = request.shares;
    const partOf = (shares: readonly number[]): number =>
      shares[0]! / shares.reduce((sum, share) => sum + share, 0);
    // Some kinds of ops may be spread better than all together.
    this.#teamShare = 0.8 * Math.min(partOf(conv), partOf(dense));
    this.#received = new Float64Array(this.#count);
    this.#sent = new Float64Array(this.#count);
    this.#pieces = new Float64Array(this.#count);
  }

  draft(): Draft {
    const { costs, group } = this.#request;
    const methods = this.#request.methods ?? METHODS;
    this.#best.set(0, new Map([['whole', { ms: 0, from: -1, previous: 'whole', dense: false }]]));
    for (const [index, end] of this.#points.entries()) {
      if (end === 0) continue;
      const states = new Map<Method, State>();
      this.#best.set(end, states);
      for (const method of methods) {
        if (this.#count === 1 && method !== 'whole') continue;
        this.#extend(index, end, method, states);
      }
    }
    const end = costs.space.graph.nodes.length;
    let method: Method = 'whole';
    for (const [each, { ms }] of this.#best.get(end)!) {
      if (each.startsWith('sum')) continue;
      const known = this.#best.get(end)!.get(method);
      if (!known || ms < known.ms) method = each;
    }
    const segments: DraftSegment[] = [];
    for (let at = end; at > 0;) {
      const state = this.#best.get(at)!.get(method) ?? { from: 0, previous: 'whole', dense: false };
      const layout = this.#layout(method, state.dense);
      const devices = method === 'whole' ? group.slice(0, 1) : group;
      segments.unshift({ start: state.from, end: at, lanes: [{ share: 1, layout, devices }] });
      at = state.from;
      method = state.previous;
    }
    return segments;
  }

  #layout(method: Method, dense: boolean): Layout {
    const shares = dense ? this.#request.shares.dense : this.#request.shares.conv;
    switch (method) {
      case 'whole':
        return WHOLE;
      case 'rows':
        return { cuts: [{ axis: this.#rowAxis, shares }] };
      case 'columns':
        return { cuts: [{ axis: 'width', shares }] };
      case 'channels':
        return { cuts: [{ axis: 'channel', shares }] };
      case 'sum-channels':
        return { cuts: [], sum: { axis: 'channel', shares } };
      case 'sum-rows':
        return { cuts: [], sum: { axis: this.#rowAxis, shares } };
    }
  }

  /** One of each member; every end begins them anew. */
  #passesAlong(axis: RangeAxis): readonly RangePass[] {
    let passes = this.#passes.get(axis);
    if (!passes) {
      const { costs, group, devices } = this.#request;
      passes = group.map((device) => new RangePass(costs, axis, devices[device]!.profile));
      this.#passes.set(axis, passes);
    }
    return passes;
  }

  /** Every segment that ends here with this method, behind every way to its start. */
  #extend(index: number, end: number, method: Method, states: Map<Method, State>): void {
    const { costs, group, devices, shares } = this.#request;
    const { graph } = costs.space;
    const last = graph.nodes[end - 1]!;
    const sums = method === 'sum-channels' || method === 'sum-rows';
    if (this.#sumPoints.has(end) && !sums) return;
    const dense =
      last.op.kind === 'dense' || this.#alive[index]!.every((tensor) => costs.shapes[tensor]!.length === 1);
    const parts = dense ? shares.dense : shares.conv;
    const members = method === 'whole' ? group.slice(0, 1) : group;
    const axis: RangeAxis =
      method === 'columns' ? 'width' : method === 'rows' || method === 'sum-rows' ? this.#rowAxis : 'channel';
    const passes = this.#passesAlong(axis).slice(0, members.length);
    for (const pass of passes) pass.begin(end);
    const sumMs = new Float64Array(members.length);
    if (sums) {
      const inputs = inputShapes(last, costs.space.shapes);
      const domain = definitionOf(last.op).linear ? definitionOf(last.op).reduceShape(last.op, inputs) : [];
      const at = domain.length === 0 ? undefined : axisOf(domain, axis);
      if (at === undefined || (domain.length === 1 && axis !== 'channel')) return;
      if (!costs.space.sumDomain(end - 1, end)) return;
      const ranges = cutRanges(domain[at]!, { shares: parts });
      const total = parts.reduce((sum, share) => sum + share, 0);
      for (const [position, device] of members.entries()) {
        const [low, high] = ranges[position]!;
        const { fixedMs, partMs } = costs.times(devices[device]!.profile, 'sum')[end - 1]!;
        sumMs[position] = high > low ? fixedMs + (partMs * parts[position]!) / total : 0;
        passes[position]!.need(costs.inputsOf(end - 1)[0]!, low, high);
      }
      for (const pass of passes) pass.backTo(end - 1);
    } else {
      let cuttable = false;
      for (const tensor of this.#alive[index]!) {
        const shape = costs.shapes[tensor]!;
        const at = axisOf(shape, axis);
        const op = tensor - costs.inputCount;
        const cut = method !== 'whole' && at !== undefined && (op < 0 || costs.flow(axis, op).axis >= 0);
        if (!cut) {
          passes[0]!.need(tensor, 0, at === undefined ? 1 : shape[at]!);
          continue;
        }
        if (op >= 0) cuttable = true;
        const ranges = cutRanges(shape[at]!, { shares: parts });
        for (const [position, pass] of passes.entries())
          pass.need(tensor, ranges[position]![0], ranges[position]![1]);
      }
      if (method !== 'whole' && !cuttable) return;
    }
    let mixed = 0;
    for (let from = index - 1; from >= 0; from--) {
      const start = this.#points[from]!;
      let ms = 0;
      for (let position = 0; position < passes.length; position++) {
        const pass = passes[position]!;
        pass.backTo(start);
        ms = Math.max(ms, pass.ms + sumMs[position]!);
      }
      for (let op = start; op < (this.#points[from + 1] ?? end); op++)
        if (mixesChannels(graph.nodes[op]!)) mixed += 1;
      // Channels of a second layer need all of the first: everybody would compute it whole.
      if ((method === 'channels' || sums) && mixed > 1) break;
      const before = this.#best.get(start);
      if (!before) continue;
      const tileMs = devices[members[0]!]!.profile.tileMs;
      const soloMs = this.#soloBefore.at(-1)!;
      for (const [previous, state] of before) {
        if (method === 'whole' && previous === 'whole' && start > 0) continue;
        const known = states.get(method);
        const withoutMoves = state.ms + ms + tileMs;
        if (known && withoutMoves >= known.ms) continue;
        // Even with all devices at work from here on, one alone would be quicker.
        if (withoutMoves + (soloMs - this.#soloBefore[end]!) * this.#teamShare > 1.01 * soloMs + tileMs)
          continue;
        const total = withoutMoves + this.#moveMs(from, previous, state, passes, axis);
        if (!known || total < known.ms) states.set(method, { ms: total, from: start, previous, dense });
      }
      if (this.#count > 1 && ms > 1.5 * (this.#soloBefore[end]! - this.#soloBefore[start]!)) break;
    }
  }

  /** What each member has of a tensor behind a segment with this method. */
  #has(method: Method, dense: boolean, tensor: number): readonly Part[] {
    const key = (METHODS.indexOf(method) * 2 + (dense ? 1 : 0)) * this.#bytes.length + tensor;
    const known = this.#parts[key];
    if (known) return known;
    const parts = this.#partsOf(method, dense, tensor);
    this.#parts[key] = parts;
    return parts;
  }

  #partsOf(method: Method, dense: boolean, tensor: number): readonly Part[] {
    const { costs, shares, group } = this.#request;
    const onlyFirst = group.map((_, position) => (position === 0 ? ALL : NOTHING));
    if (method === 'whole') return onlyFirst;
    if (method.startsWith('sum')) return group.map(() => ALL);
    const name: RangeAxis = method === 'columns' ? 'width' : method === 'rows' ? this.#rowAxis : 'channel';
    const shape = costs.shapes[tensor]!;
    const axis = axisOf(shape, name);
    if (axis === undefined) return onlyFirst;
    const ranges = cutRanges(shape[axis]!, { shares: dense ? shares.dense : shares.conv });
    return ranges.map(([low, high]) => ({ axis, low, high }));
  }

  #moveMs(
    at: number,
    previous: Method,
    state: State,
    passes: readonly RangePass[],
    axisWanted: AxisName,
  ): number {
    const { costs, group, places, placeOf } = this.#request;
    const received = this.#received.fill(0);
    const sent = this.#sent.fill(0);
    const pieces = this.#pieces.fill(0);
    const fromRequester = at === 0;
    const partial = previous.startsWith('sum');
    let moves = fromRequester;
    let requesterBytes = 0;
    for (const tensor of this.#alive[at]!) {
      const shape = costs.shapes[tensor]!;
      const wantedAxis = axisOf(shape, axisWanted);
      let bytes = this.#bytes[tensor]!;
      if (fromRequester && costs.space.graph.inputs[tensor]?.image) bytes /= this.#request.elementBytes;
      const parts = fromRequester ? [] : this.#has(previous, state.dense, tensor);
      // Partial sums are all that their segment hands on; what passes it by is where it was.
      if (partial && tensor !== this.#alive[at]!.at(-1)) continue;
      for (let position = 0; position < passes.length; position++) {
        const pass = passes[position]!;
        const high = pass.high[tensor]!;
        const low = pass.low[tensor]!;
        if (high <= low) continue;
        const wanted = wantedAxis === undefined ? 1 : (high - low) / shape[wantedAxis]!;
        if (fromRequester) {
          received[position]! += bytes * wanted;
          pieces[position]! += 1;
          requesterBytes += bytes * wanted;
          continue;
        }
        for (let other = 0; other < this.#count; other++) {
          if (other === position) continue;
          const has = parts[other]!;
          if (has.high <= has.low) continue;
          let part = wanted;
          if (has.axis >= 0) {
            part =
              has.axis === wantedAxis
                ? (Math.min(high, has.high) - Math.max(low, has.low)) / shape[has.axis]!
                : (wanted * (has.high - has.low)) / shape[has.axis]!;
          }
          if (part <= 0) continue;
          moves = true;
          received[position]! += bytes * part;
          sent[other]! += bytes * part;
          pieces[position]! += 1;
          pieces[other]! += 1;
        }
      }
    }
    if (!moves) return 0;
    let ms = 0;
    for (let position = 0; position < this.#count; position++) {
      const { transport } = places.places[placeOf[group[position]!]!]!;
      const threadMs =
        pieces[position]! * transport.pieceMs +
        received[position]! * transport.receiveMsPerByte +
        sent[position]! * transport.sendMsPerByte;
      ms = Math.max(
        ms,
        threadMs,
        received[position]! / transport.downlinkBytesPerMs,
        sent[position]! / transport.uplinkBytesPerMs,
      );
    }
    if (fromRequester) ms = Math.max(ms, requesterBytes / places.places[0]!.transport.uplinkBytesPerMs);
    return ms + this.#latencyMs;
  }
}

/** Tensors that are made before each point and needed from there on. */
function aliveTensors(costs: RangeCosts, points: readonly number[]): number[][] {
  const { graph } = costs.space;
  const { inputCount } = costs;
  const lastUse = new Array<number>(costs.shapes.length).fill(-1);
  for (const op of graph.nodes.keys()) for (const tensor of costs.inputsOf(op)) lastUse[tensor] = op;
  for (const id of graph.outputs) {
    const index = graph.nodes.findIndex((node) => node.id === id);
    if (index >= 0) lastUse[inputCount + index] = graph.nodes.length;
  }
  return points.map((point) =>
    lastUse.flatMap((use, tensor) => (tensor - inputCount < point && use >= point ? [tensor] : [])),
  );
}
