import { boxShape, length } from '../graph/box.ts';
import type { LrnOp, UpsampleOp } from '../graph/op.ts';
import { upsampleTap } from '../graph/ops/upsample.ts';
import type { TileStep } from '../graph/tile-program.ts';
import { axisIn, float, int, layoutOf, lifted, type OnnxGraph, type Value } from './onnx-graph.ts';

/** Over the region, halo of channels included, of which the output is the middle. */
export function emitLrn(graph: OnnxGraph, op: LrnOp, step: TileStep, x: Value): Value {
  const channels = step.output.at(-1)!;
  const held = step.inputs[0]!.region.at(-1)!;
  const shape = lifted(boxShape(step.output), 1);
  const centre = (value: Value): Value => {
    const begin = value.shape.map((_, axis) => (axis === value.shape.length - 1 ? channels[0] - held[0] : 0));
    return graph.slice(value, begin, value.shape.with(-1, length(channels)));
  };
  // Nothing but a division, which the runtime's op refuses to be.
  if (op.alpha === 0 || op.beta === 0) {
    const part = centre(x);
    const layout = layoutOf(part);
    const factor = graph.floats([1 / op.bias ** op.beta], []);
    return { shape, names: { [layout]: graph.emit('Mul', [graph.as(layout, part), factor]) } };
  }
  const places = x.shape.slice(0, -1).reduce((product, extent) => product * extent, 1);
  const picture: Value =
    x.shape.length === 4
      ? x
      : {
          shape: [1, 1, places, length(held)],
          names: { last: graph.reshaped(x, [1, 1, places, length(held)]) },
        };
  const size = 2 * op.radius + 1;
  const name = graph.emit('LRN', [graph.as('first', picture)], {
    size: int(size),
    // ONNX divides it by the size of the window.
    alpha: float(op.alpha * size),
    beta: float(op.beta),
    bias: float(op.bias),
  });
  const part = centre({ shape: picture.shape, names: { first: name } });
  if (picture === x) return part;
  return { shape, names: { last: graph.reshaped(part, shape) } };
}

/** Axis by axis, from places in the whole tensor. */
export function emitUpsample(graph: OnnxGraph, op: UpsampleOp, step: TileStep, x: Value): Value {
  const { region } = step.inputs[0]!;
  const front = x.shape.length - region.length;
  let value = x;
  for (const [axis, factor] of op.factors.entries()) {
    if (factor === 1) continue;
    const layout = layoutOf(value);
    const [start, end] = step.output[axis]!;
    const first = region[axis]![0];
    const taps = Array.from({ length: end - start }, (_, i) =>
      upsampleTap(op, axis, step.inputShapes[0]![axis]!, start + i),
    );
    const source = graph.as(layout, value);
    const along = { axis: int(axisIn(layout, axis + front)) };
    const gather = (places: readonly number[]): string =>
      graph.emit('Gather', [source, graph.integers(places)], along);
    let name = gather(taps.map(({ low }) => low - first));
    if (taps.some(({ weight }) => weight !== 0)) {
      const upper = gather(taps.map(({ high }) => high - first));
      const shape = value.shape.map((_, other) => (other === axis + front ? taps.length : 1));
      const weights: Value = { shape, names: { last: graph.floats(taps.map(({ weight }) => weight), shape) } }; // prettier-ignore
      const rise = graph.emit('Mul', [graph.emit('Sub', [upper, name]), graph.as(layout, weights)]);
      name = graph.emit('Add', [name, rise]);
    }
    value = { shape: value.shape.with(axis + front, taps.length), names: { [layout]: name } };
  }
  return value;
}
