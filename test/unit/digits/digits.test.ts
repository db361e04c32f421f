import { readdirSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseGraphFile } from '../../../src/import/graph-file.ts';
import { createReferenceEngine } from '../../../src/engine/reference.ts';
import { fullBox } from '../../../src/graph/box.ts';
import type { Graph } from '../../../src/graph/graph.ts';
import { verifyGraph } from '../../../src/graph/parse.ts';
import { tensorShapes, weightShapes } from '../../../src/graph/shapes.ts';
import { compileTile } from '../../../src/graph/tile-program.ts';
import type { LoadedTile } from '../../../src/engine/engine.ts';
import { fileBytes } from '../../../src/weights/file-source.ts';
import { safetensorsSource } from '../../../src/weights/safetensors.ts';
import type { WeightSource } from '../../../src/weights/weight-source.ts';

const folder = fileURLToPath(new URL('../../../public/models/digits/', import.meta.url));
const samples = readdirSync(`${folder}samples`).filter((name) => name.endsWith('.png'));

describe('bundled digit model', () => {
  let graph: Graph;
  let weights: WeightSource;
  let tile: LoadedTile;

  beforeAll(async () => {
    const file = parseGraphFile(JSON.parse(readFileSync(`${folder}graph.json`, 'utf8')));
    graph = file.graph;
    weights = await safetensorsSource(fileBytes(folder + file.weights));
    const [output] = graph.outputs;
    const program = compileTile(graph, {
      ops: [0, graph.nodes.length],
      outputs: [{ tensor: output!, box: fullBox(tensorShapes(graph).get(output!)!) }],
    });
    const slices = await Promise.all(program.weights.map(({ name, box }) => weights.read(name, box)));
    tile = await createReferenceEngine().load(program, slices);
  });

  it('is a sound graph from a gray picture to ten labelled probabilities', () => {
    verifyGraph(graph);
    expect(graph.inputs).toEqual([
      { id: 'image', shape: [32, 32, 1], image: { channels: 'gray', scale: [1 / 255], offset: [0] } },
    ]);
    expect(graph.labels).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
    expect(graph.outputs.map((id) => tensorShapes(graph).get(id))).toEqual([[10]]);
  });

  it('has exactly the weights that its ops want, all of them finite', async () => {
    const wanted = weightShapes(graph);
    expect(Object.fromEntries([...weights.tensors].map(([name, { shape }]) => [name, shape]))).toEqual(
      Object.fromEntries(wanted),
    );
    for (const [name, shape] of wanted) {
      const values = await weights.read(name, fullBox(shape));
      expect(values.every(Number.isFinite), `every value of ${name} is finite`).toBe(true);
    }
  });

  it('stays below 1 MB of weights', () => {
    expect(statSync(`${folder}weights.safetensors`).size).toBeLessThanOrEqual(1_000_000);
  });

  it('comes with samples of all ten digits', () => {
    expect([...new Set(samples.map((name) => name[0]))].sort().join('')).toBe('0123456789');
  });

  it.each(samples)('recognises the sample %s', async (name) => {
    const rgb = await sharp(`${folder}samples/${name}`)
      .removeAlpha()
      .resize(32, 32, { fit: 'fill' })
      .raw()
      .toBuffer();
    const gray = Float32Array.from({ length: 32 * 32 }, (_, i) => {
      return (0.299 * rgb[3 * i]! + 0.587 * rgb[3 * i + 1]! + 0.114 * rgb[3 * i + 2]!) / 255;
    });
    const [probabilities] = (await tile.run([gray])).outputs;
    expect(probabilities!.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 4);
    expect(probabilities!.indexOf(Math.max(...probabilities!))).toBe(Number(name[0]));
  });
});
