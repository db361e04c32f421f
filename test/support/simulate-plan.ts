import type { Engine } from '../../src/engine/engine.ts';
import { boxShape, boxSize, fullBox, type Box } from '../../src/graph/box.ts';
import type { Graph } from '../../src/graph/graph.ts';
import { cropRegion, transferRegion } from '../../src/graph/region-copy.ts';
import type { Codec } from '../../src/planner/codec.ts';
import { compilePlan, REQUESTER, type Piece } from '../../src/planner/compiled-plan.ts';
import type { Plan } from '../../src/planner/plan.ts';
import type { WeightSource } from '../../src/weights/weight-source.ts';

/**
 * What a plan with lossy codecs must give, to the last bit: its tiles one after the other on one engine, with what travels between
 * peers rounded as the codecs say, by code of its own. Frames take lane 0.
 */
export async function simulatePlan(
  engine: Engine,
  graph: Graph,
  plan: Plan,
  weights: WeightSource,
  inputs: readonly Float32Array[],
): Promise<Float32Array[]> {
  const compiled = compilePlan(graph, plan);
  const lanes = plan.segments.map(() => 0);
  const made = new Map<string, { box: Box; values: Float32Array }>();
  for (const [index, { id, shape }] of graph.inputs.entries()) {
    made.set(`${REQUESTER}/0/${id}`, { box: fullBox(shape), values: inputs[index]! });
  }
  const peerOf = ({ segment, tile }: Piece): string =>
    segment === REQUESTER ? 'requester' : compiled.tile(segment, 0, tile).peer;
  const assemble = (tensor: string, box: Box, pieces: readonly Piece[], peer: string): Float32Array => {
    const target = new Float32Array(boxSize(box));
    for (const piece of pieces) {
      const source = made.get(`${piece.segment}/${piece.tile}/${tensor}`)!;
      const values = cropRegion(source.values, source.box, piece.region);
      const travelled = peerOf(piece) === peer ? values : quantized(values, piece.codec, piece.region);
      transferRegion(travelled, piece.region, target, box, piece.region, piece.combine);
    }
    return target;
  };
  for (const [segment, { lanes: choices }] of plan.segments.entries()) {
    for (const [tile, { peer }] of choices[0]!.tiles.entries()) {
      const program = compiled.program(segment, 0, tile);
      const slices = await Promise.all(program.weights.map(({ name, box }) => weights.read(name, box)));
      const loaded = await engine.load(program, slices);
      const boxes = program.inputs.map(({ tensor, box }, input) =>
        assemble(tensor, box, compiled.inputPieces(lanes, segment, tile, input), peer),
      );
      const { outputs } = await loaded.run(boxes);
      await loaded.dispose();
      for (const [index, { tensor, box }] of program.outputs.entries()) {
        made.set(`${segment}/${tile}/${tensor}`, { box, values: outputs[index]! });
      }
    }
  }
  return graph.outputs.map((tensor, output) => {
    const pieces = compiled.outputPieces(lanes, output);
    const whole = pieces.reduce<Box>(
      (box, { region }) =>
        region.map(([start, end], axis) => [
          Math.min(start, box[axis]?.[0] ?? start),
          Math.max(end, box[axis]?.[1] ?? end),
        ]),
      [],
    );
    return assemble(tensor, whole, pieces, 'requester');
  });
}

/** What arrives of `values`, by the definitions of SPEC.md (COD2, COD3). */
function quantized(values: Float32Array, codec: Codec, region: Box): Float32Array {
  if (codec === 'f32') return values;
  if (codec === 'f16') return values.map(halfPrecision);
  const shape = boxShape(region);
  const last = shape.at(-1) ?? 1;
  const channels = values.length > last ? last : 1;
  const result = new Float32Array(values.length);
  for (let channel = 0; channel < channels; channel++) {
    let low = 0;
    let high = 0;
    for (let i = channel; i < values.length; i += channels) {
      low = Math.min(low, values[i]!);
      high = Math.max(high, values[i]!);
    }
    const scale = leastFloatAbove((high - low) / (low < 0 && high > 0 ? 254 : 255)) || 1;
    const zero = high > 0 ? Math.floor(-low / scale + 0.5) : low < 0 ? 255 : 0;
    for (let i = channel; i < values.length; i += channels) {
      // By the reciprocal, as encoders do: a number near the middle of two codes may go either way otherwise.
      result[i] = (Math.floor(values[i]! * (1 / scale) + (zero + 0.5)) - zero) * scale;
    }
  }
  return result;
}

function leastFloatAbove(value: number): number {
  const float = Float32Array.of(value);
  if (float[0]! < value) new Uint32Array(float.buffer)[0]! += 1;
  return float[0]!;
}

function roundHalfEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 !== 0) ? below + 1 : below;
}

function halfPrecision(value: number): number {
  const magnitude = Math.abs(value);
  if (!(magnitude < 65_520)) return value > 0 ? Infinity : value < 0 ? -Infinity : NaN;
  const exponent = Math.max(-14, Math.floor(Math.log2(magnitude || 1e-99)));
  const step = 2 ** (exponent - 10);
  return Math.sign(value) * roundHalfEven(magnitude / step) * step;
}
