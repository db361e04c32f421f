import protobuf from 'protobufjs/minimal.js';
import type { Shape } from '../graph/box.ts';

export type OnnxAttribute =
  | { readonly type: 'int'; readonly value: number }
  | { readonly type: 'ints'; readonly value: readonly number[] }
  | { readonly type: 'float'; readonly value: number };

export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

/** A constant, float32 or int64. */
export interface OnnxTensor {
  readonly name: string;
  readonly shape: Shape;
  readonly values: Float32Array | BigInt64Array;
}

/** An input or an output, float32. */
export interface OnnxValue {
  readonly name: string;
  readonly shape: Shape;
}

export interface OnnxModel {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly tensors: readonly OnnxTensor[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

/** A model as its file, and the files of constants that lie beside it. */
export interface OnnxFiles {
  readonly model: Uint8Array;
  /** Large constants, as they are: neither copied here, nor held twice by whoever reads them. */
  readonly constants: readonly { readonly path: string; readonly data: Uint8Array }[];
}

/** The first opset with `Gelu`, and the version of the format that came with it. */
const OPSET = 20;
const IR_VERSION = 9;

/** `TensorProto.DataType` and `AttributeProto.AttributeType`. */
const FLOAT32 = 1;
const INT64 = 7;
/** `TensorProto.DataLocation`. */
const EXTERNAL = 1;
const ATTRIBUTE_TYPE = { float: 1, int: 2, ints: 7 } as const;

const VARINT = 0;
const BYTES = 2;
const FIXED32 = 5;

/** Messages of onnx.proto3, by their field numbers; fields that stay at their defaults are not written. */
class MessageWriter {
  readonly #writer: protobuf.Writer;

  constructor(writer: protobuf.Writer) {
    this.#writer = writer;
  }

  int(field: number, value: number): this {
    this.#tag(field, VARINT).int64(value);
    return this;
  }

  float(field: number, value: number): this {
    this.#tag(field, FIXED32).float(value);
    return this;
  }

  text(field: number, value: string): this {
    this.#tag(field, BYTES).string(value);
    return this;
  }

  bytes(field: number, value: Uint8Array): this {
    this.#tag(field, BYTES).bytes(value);
    return this;
  }

  /** Packed. */
  ints(field: number, values: readonly number[]): this {
    this.#tag(field, BYTES).fork();
    for (const value of values) this.#writer.int64(value);
    this.#writer.ldelim();
    return this;
  }

  message(field: number, write: (message: MessageWriter) => unknown): this {
    this.#tag(field, BYTES).fork();
    write(this);
    this.#writer.ldelim();
    return this;
  }

  #tag(field: number, wireType: number): protobuf.Writer {
    return this.#writer.uint32((field << 3) | wireType);
  }
}

/** A `ModelProto`, and what it refers to. */
export function encodeModel({ name, nodes, tensors, inputs, outputs }: OnnxModel): OnnxFiles {
  const writer = protobuf.Writer.create();
  new MessageWriter(writer)
    .int(1, IR_VERSION)
    .text(2, 'peerceptron')
    .message(7, (graph) => {
      for (const node of nodes) graph.message(1, (message) => writeNode(message, node));
      graph.text(2, name);
      for (const tensor of tensors) graph.message(5, (message) => writeTensor(message, tensor));
      for (const value of inputs) graph.message(11, (message) => writeValue(message, value));
      for (const value of outputs) graph.message(12, (message) => writeValue(message, value));
    })
    .message(8, (opset) => opset.text(1, '').int(2, OPSET));
  const constants = tensors.filter(isLarge).map((tensor) => ({ path: tensor.name, data: bytesOf(tensor) }));
  return { model: writer.finish(), constants };
}

/** What a shape may be read from has to be in the model. */
const isLarge = ({ values }: OnnxTensor): boolean => values.length > 1024;

/** Little-endian, as every machine is that this runs on. */
const bytesOf = ({ values }: OnnxTensor): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

function writeNode(message: MessageWriter, { op, inputs, output, attributes }: OnnxNode): void {
  for (const input of inputs) message.text(1, input);
  message.text(2, output).text(3, output).text(4, op);
  for (const [name, { type, value }] of Object.entries(attributes)) {
    message.message(5, (attribute) => {
      attribute.text(1, name);
      switch (type) {
        case 'float':
          attribute.float(2, value);
          break;
        case 'int':
          attribute.int(3, value);
          break;
        case 'ints':
          attribute.ints(8, value);
          break;
      }
      attribute.int(20, ATTRIBUTE_TYPE[type]);
    });
  }
}

function writeTensor(message: MessageWriter, tensor: OnnxTensor): void {
  const type = tensor.values instanceof Float32Array ? FLOAT32 : INT64;
  message.ints(1, tensor.shape).int(2, type).text(8, tensor.name);
  if (!isLarge(tensor)) {
    message.bytes(9, bytesOf(tensor));
    return;
  }
  const facts = { location: tensor.name, offset: '0', length: String(tensor.values.byteLength) };
  for (const [key, value] of Object.entries(facts)) {
    message.message(13, (entry) => entry.text(1, key).text(2, value));
  }
  message.int(14, EXTERNAL);
}

function writeValue(message: MessageWriter, { name, shape }: OnnxValue): void {
  message.text(1, name).message(2, (type) =>
    type.message(1, (tensor) =>
      tensor.int(1, FLOAT32).message(2, (dimensions) => {
        for (const extent of shape) dimensions.message(1, (dimension) => dimension.int(1, extent));
      }),
    ),
  );
}
