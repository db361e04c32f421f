import { Buffer } from 'node:buffer';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CLASSES, CONVS, EPSILON, HIDDEN, SIZE } from './network.mjs';

export const MODEL_FOLDER = fileURLToPath(new URL('../../public/models/digits/', import.meta.url));

/** The graph as the program reads it; batch norms are folded into the convolutions before them. */
export function digitsGraph() {
  const nodes = [];
  let last = 'image';
  const add = (id, op, weights = {}) => {
    nodes.push({ id, op, inputs: [last], weights });
    last = id;
  };
  CONVS.forEach(({ name, kernel, channels, pool }, index) => {
    const margin = (kernel - 1) / 2;
    const op = {
      kind: 'conv',
      kernelSize: [kernel, kernel],
      strides: [1, 1],
      dilations: [1, 1],
      padding: [
        [margin, margin],
        [margin, margin],
      ],
      groups: 1,
      outChannels: channels,
    };
    add(name, op, { kernel: `${name}/kernel` });
    add(`${name}/bias`, { kind: 'bias' }, { bias: `${name}/bias` });
    add(`${name}/relu`, { kind: 'activation', function: 'relu' });
    if (pool) {
      add(`pool${index + 1}`, {
        kind: 'max-pool',
        poolSize: [2, 2],
        strides: [2, 2],
        padding: [
          [0, 0],
          [0, 0],
        ],
      });
    }
  });
  add('dense1', { kind: 'dense', units: HIDDEN }, { kernel: 'dense1/kernel' });
  add('dense1/bias', { kind: 'bias' }, { bias: 'dense1/bias' });
  add('dense1/relu', { kind: 'activation', function: 'relu' });
  add('dense2', { kind: 'dense', units: CLASSES }, { kernel: 'dense2/kernel' });
  add('dense2/bias', { kind: 'bias' }, { bias: 'dense2/bias' });
  add('probabilities', { kind: 'softmax', axis: 0 });
  return {
    name: 'digits',
    inputs: [
      { id: 'image', shape: [SIZE, SIZE, 1], image: { channels: 'gray', scale: [1 / 255], offset: [0] } },
    ],
    nodes,
    outputs: ['probabilities'],
    labels: Array.from({ length: CLASSES }, (_, digit) => String(digit)),
    weights: 'weights.safetensors',
  };
}

/** Trained parameters and running statistics → `Map<name, { shape, data }>` without batch norms. */
export function foldParameters(layout, parameters, statistics) {
  const part = new Map(
    layout.map(({ name, shape, offset, size }) => [
      name,
      { shape, data: parameters.slice(offset, offset + size) },
    ]),
  );
  const tensors = new Map();
  for (const { name, mean, variance } of statistics) {
    const { shape, data } = part.get(`${name}/kernel`);
    const channels = shape.at(-1);
    const factor = Float64Array.from({ length: channels }, (_, j) => {
      return part.get(`${name}/gamma`).data[j] / Math.sqrt(variance[j] + EPSILON);
    });
    tensors.set(`${name}/kernel`, { shape, data: data.map((value, i) => value * factor[i % channels]) });
    const beta = part.get(`${name}/beta`).data;
    tensors.set(`${name}/bias`, {
      shape: [channels],
      data: beta.map((value, j) => value - mean[j] * factor[j]),
    });
  }
  for (const name of ['dense1', 'dense2']) {
    tensors.set(`${name}/kernel`, part.get(`${name}/kernel`));
    tensors.set(`${name}/bias`, part.get(`${name}/bias`));
  }
  return tensors;
}

/** safetensors: header length (u64, little-endian), JSON header padded to 8 bytes, then the float32 data. */
export function encodeSafetensors(tensors) {
  const header = { __metadata__: { format: 'peerceptron', model: 'digits' } };
  const parts = [];
  let offset = 0;
  for (const [name, { shape, data }] of tensors) {
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + bytes.length] };
    offset += bytes.length;
    parts.push(bytes);
  }
  const text = JSON.stringify(header);
  const json = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8, ' '));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, ...parts]);
}

/** `Map<name, { dtype, shape, bytes }>`. */
export function decodeSafetensors(file) {
  const headerBytes = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.subarray(8, 8 + headerBytes).toString('utf8'));
  delete header.__metadata__;
  return new Map(
    Object.entries(header).map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [start, end],
        },
      ]) => [
        name,
        {
          dtype,
          shape,
          bytes: Uint8Array.from(file.subarray(8 + headerBytes + start, 8 + headerBytes + end)),
        },
      ],
    ),
  );
}

export function writeModel(tensors) {
  mkdirSync(MODEL_FOLDER, { recursive: true });
  writeFileSync(`${MODEL_FOLDER}graph.json`, `${JSON.stringify(digitsGraph(), null, 1)}\n`);
  writeFileSync(`${MODEL_FOLDER}weights.safetensors`, encodeSafetensors(tensors));
}

/** The saved model: `{ graph, tensors: Map<name, { shape, data }> }`. */
export function readModel() {
  const graph = JSON.parse(readFileSync(`${MODEL_FOLDER}graph.json`, 'utf8'));
  const decoded = decodeSafetensors(readFileSync(MODEL_FOLDER + graph.weights));
  const tensors = new Map(
    [...decoded].map(([name, { shape, bytes }]) => [name, { shape, data: new Float32Array(bytes.buffer) }]),
  );
  return { graph, tensors };
}
