import { fullBox, type Box, type Range, type Shape } from '../graph/box.ts';
import type { OpNode, TensorId } from '../graph/graph.ts';
import type { Op } from '../graph/op.ts';
import { convWindow } from '../graph/ops/conv.ts';
import { definitionOf } from '../graph/ops/index.ts';
import { poolWindow } from '../graph/ops/pool.ts';
import { inputShapes } from '../graph/shapes.ts';
import { windowSpan, type SlidingWindow } from '../graph/window.ts';
import { axisOf, type AxisName } from './axes.ts';
import { absorbingOps, addOpWork, noWork, workMs, type Work } from './cost-model.ts';
import type { DeviceProfile } from './profile.ts';
import type { SearchSpace } from './search-space.ts';

/** Axes along which whole runs of ops are cut in the first, rough search. */
export type RangeAxis = Extract<AxisName, 'depth' | 'height' | 'width' | 'channel'>;

/** What an op reads along an axis for `[low, high)` of its output, per input. */
interface AxisFlow {
  /** Axis of the output; −1 where it has none, or cannot be cut along it: then it is computed whole. */
  readonly axis: number;
  readonly extent: number;
  /** Where the receptive field is that of a window. */
  readonly window?: {
    readonly stride: number;
    readonly before: number;
    readonly span: number;
    readonly extent: number;
  };
  /** Where each input is read exactly as far as the output is made. */
  readonly same: boolean;
  /** Where all of the only input is read, as far as this axis goes: its extent. */
  readonly all?: number;
}

/** Milliseconds of an op for a part of its output: `fixedMs + share · partMs`. */
export interface OpTimes {
  readonly fixedMs: number;
  readonly partMs: number;
}

/** Of an op, and of about half of it where it can be cut. */
interface OpWork {
  readonly whole: Work;
  readonly half?: { readonly work: Work; readonly part: number };
}

/** Costs of ops along one axis at a time, linear in the length of the range: good to compare many ways to cut a graph. */
export class RangeCosts {
  readonly space: SearchSpace;
  readonly #flows = new Map<RangeAxis, readonly AxisFlow[]>();
  readonly #times = new Map<DeviceProfile, Map<RangeAxis | 'sum', readonly OpTimes[]>>();
  readonly #work = new Map<RangeAxis | 'sum', readonly OpWork[]>();
  readonly #inputs: readonly (readonly number[])[];
  /** Bias and activation take nothing behind a convolution. */
  readonly #absorbing: Int32Array;
  /** Of tensors: graph inputs first, then one per op. */
  readonly shapes: readonly Shape[];

  constructor(space: SearchSpace) {
    this.space = space;
    this.#absorbing = absorbingOps(space.graph);
    const { graph } = space;
    const index = new Map<TensorId, number>();
    for (const { id } of graph.inputs) index.set(id, index.size);
    for (const { id } of graph.nodes) index.set(id, index.size);
    this.#inputs = graph.nodes.map(({ inputs }) => inputs.map((id) => index.get(id)!));
    this.shapes = [...index.keys()].map((id) => space.shapes.get(id)!);
  }

  get inputCount(): number {
    return this.space.graph.inputs.length;
  }

  inputsOf(op: number): readonly number[] {
    return this.#inputs[op]!;
  }

  flow(axis: RangeAxis, op: number): AxisFlow {
    let flows = this.#flows.get(axis);
    if (!flows) {
      flows = this.space.graph.nodes.map((node) =>
        flowOf(node, inputShapes(node, this.space.shapes), axis, this.space),
      );
      this.#flows.set(axis, flows);
    }
    return flows[op]!;
  }

  /** Ranges that an op reads of its inputs, all along the same axis; whole where an input has no such axis. */
  reads(axis: RangeAxis, op: number, low: number, high: number): readonly Range[] {
    const { graph, shapes } = this.space;
    const node = graph.nodes[op]!;
    const inputs = inputShapes(node, shapes);
    const flow = this.flow(axis, op);
    const box: Box = fullBox(shapes.get(node.id)!).map((range, at) =>
      at === flow.axis ? [low, high] : range,
    );
    return definitionOf(node.op)
      .inputBoxes(node.op, inputs, box)
      .map((region, index) => {
        const at = axisOf(inputs[index]!, axis);
        return at === undefined ? [0, 1] : region.box[at]!;
      });
  }

  times(profile: DeviceProfile, along: RangeAxis | 'sum'): readonly OpTimes[] {
    const byAxis = this.#times.get(profile) ?? new Map<RangeAxis | 'sum', readonly OpTimes[]>();
    this.#times.set(profile, byAxis);
    let times = byAxis.get(along);
    if (!times) byAxis.set(along, (times = this.#workOf(along).map((work) => timesOf(work, profile))));
    return times;
  }

  #workOf(along: RangeAxis | 'sum'): readonly OpWork[] {
    let work = this.#work.get(along);
    if (!work) {
      work = this.space.graph.nodes.map((node, op) =>
        this.#absorbing[op]! < 0 ? this.#opWork(node, along) : { whole: noWork() },
      );
      this.#work.set(along, work);
    }
    return work;
  }

  #opWork({ id, op, inputs }: OpNode, along: RangeAxis | 'sum'): OpWork {
    const shapes = inputs.map((input) => this.space.shapes.get(input)!);
    const output = fullBox(this.space.shapes.get(id)!);
    const whole = noWork();
    addOpWork(whole, op, shapes, output);
    const domain = along === 'sum' ? definitionOf(op).reduceShape(op, shapes) : undefined;
    const box = domain ? fullBox(domain) : output;
    const axis = along === 'sum' ? box.length - 1 : axisOf(this.space.shapes.get(id)!, along);
    const isCuttable = domain
      ? box.length > 0
      : definitionOf(op)
          .tileableAxes(op, shapes)
          .includes(axis ?? -1);
    if (!isCuttable) return { whole };
    const extent = box[axis!]![1];
    const end = Math.ceil(extent / 2);
    const halved = box.map((range, at): Range => (at === axis ? [0, end] : range));
    const half = noWork();
    if (domain) addOpWork(half, op, shapes, output, halved);
    else addOpWork(half, op, shapes, halved);
    return { whole, half: { work: half, part: end / extent } };
  }
}

function timesOf({ whole, half }: OpWork, profile: DeviceProfile): OpTimes {
  const wholeMs = workMs(whole, profile);
  if (!half) return { fixedMs: wholeMs, partMs: 0 };
  if (half.part >= 1) return { fixedMs: 0, partMs: wholeMs };
  const partMs = (wholeMs - workMs(half.work, profile)) / (1 - half.part);
  return { fixedMs: Math.max(0, wholeMs - partMs), partMs };
}

function flowOf(node: OpNode, inputs: readonly Shape[], name: RangeAxis, { shapes }: SearchSpace): AxisFlow {
  const { op } = node;
  const shape = shapes.get(node.id)!;
  const axis = axisOf(shape, name);
  if (axis === undefined || !definitionOf(op).tileableAxes(op, inputs).includes(axis)) {
    return { axis: -1, extent: 1, same: false };
  }
  const extent = shape[axis]!;
  const window = windowOf(op);
  const input = inputs[0]!;
  if (window && axis < shape.length - 1) {
    const span = windowSpan(window.size[axis]!, window.dilations[axis]!);
    const along = {
      stride: window.strides[axis]!,
      before: window.padding[axis]![0],
      span,
      extent: input[axis]!,
    };
    return { axis, extent, same: false, window: along };
  }
  const inputAxis = axisOf(input, name);
  const mixes = op.kind === 'dense' || op.kind === 'global-pool' || (op.kind === 'conv' && op.groups === 1);
  if (name === 'channel' && mixes && inputAxis !== undefined) {
    const separate = op.kind === 'global-pool';
    return separate ? { axis, extent, same: true } : { axis, extent, same: false, all: input[inputAxis]! };
  }
  const depthwise = op.kind === 'conv' && op.groups === input.at(-1) && op.groups === op.outChannels;
  if (name === 'channel' && depthwise) return { axis, extent, same: true };
  const same =
    (op.kind === 'bias' ||
      op.kind === 'activation' ||
      op.kind === 'batch-norm' ||
      op.kind === 'identity' ||
      op.kind === 'merge' ||
      op.kind === 'max-pool' ||
      op.kind === 'avg-pool') &&
    inputs.every((each) => each.length === shape.length && each[axis] === extent);
  return { axis, extent, same };
}

function windowOf(op: Op): SlidingWindow | undefined {
  if (op.kind === 'conv') return convWindow(op);
  return op.kind === 'max-pool' || op.kind === 'avg-pool' ? poolWindow(op) : undefined;
}

/** What one device needs and spends for its range of what is alive at a cut, for every cut before it. */
export class RangePass {
  /** Of tensors, as far as the pass has gone back: what is needed along the axis; `high` 0 where nothing is. */
  readonly low: Int32Array;
  readonly high: Int32Array;
  ms = 0;
  readonly #costs: RangeCosts;
  readonly #axis: RangeAxis;
  readonly #times: readonly OpTimes[];
  #at = 0;

  constructor(costs: RangeCosts, axis: RangeAxis, profile: DeviceProfile) {
    this.#costs = costs;
    this.#axis = axis;
    this.#times = costs.times(profile, axis);
    this.low = new Int32Array(costs.shapes.length);
    this.high = new Int32Array(costs.shapes.length);
  }

  /** Behind the op before `end`, where nothing is needed yet. */
  begin(end: number): void {
    this.#at = end;
    this.ms = 0;
    this.high.fill(0);
  }

  need(tensor: number, low: number, high: number): void {
    if (high <= low) return;
    if (this.high[tensor] === 0) {
      this.low[tensor] = low;
      this.high[tensor] = high;
      return;
    }
    if (low < this.low[tensor]!) this.low[tensor] = low;
    if (high > this.high[tensor]!) this.high[tensor] = high;
  }

  /** Goes back to the op `start`: adds what its ops cost, and finds what they read. */
  backTo(start: number): void {
    const { inputCount } = this.#costs;
    while (this.#at > start) {
      const op = --this.#at;
      const tensor = inputCount + op;
      let high = this.high[tensor]!;
      if (high === 0) continue;
      let low = this.low[tensor]!;
      const flow = this.#costs.flow(this.#axis, op);
      const { fixedMs, partMs } = this.#times[op]!;
      if (flow.axis < 0) {
        low = 0;
        high = 1;
      }
      this.ms += fixedMs + (partMs * (high - low)) / flow.extent;
      const inputs = this.#costs.inputsOf(op);
      if (flow.same) {
        for (const input of inputs) this.need(input, low, high);
      } else if (flow.window) {
        const { stride, before, span, extent } = flow.window;
        this.need(
          inputs[0]!,
          Math.max(0, low * stride - before),
          Math.min(extent, (high - 1) * stride - before + span),
        );
      } else if (flow.all !== undefined) {
        this.need(inputs[0]!, 0, flow.all);
      } else {
        const reads = this.#costs.reads(this.#axis, op, low, high);
        for (let index = 0; index < inputs.length; index++)
          this.need(inputs[index]!, reads[index]![0], reads[index]![1]);
      }
    }
  }
}
