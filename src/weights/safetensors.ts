import * as v from 'valibot';
import { formatShape, shapeSize, type Shape } from '../graph/box.ts';
import { PeerceptronError } from '../shared/errors.ts';
import type { StoredTensor } from './box-reader.ts';
import type { ByteSource } from './byte-source.ts';
import { ELEMENT_SIZE_BYTES, elementType, type ElementType } from './element-type.ts';
import { storedSource } from './stored-source.ts';
import type { WeightSource } from './weight-source.ts';

/** The limit of the format's own implementation. */
const HEADER_LIMIT_BYTES = 100_000_000;

const ELEMENT_TYPES: Readonly<Record<string, ElementType>> = {
  F64: 'float64',
  F32: 'float32',
  F16: 'float16',
  BF16: 'bfloat16',
  I64: 'int64',
  I32: 'int32',
  I16: 'int16',
  U16: 'uint16',
  I8: 'int8',
  U8: 'uint8',
  BOOL: 'bool',
};

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const entrySchema = v.object({
  dtype: v.string(),
  shape: v.pipe(v.array(count), v.maxLength(16)),
  data_offsets: v.tuple([count, count]),
});

/** A safetensors file (https://github.com/huggingface/safetensors, "Format"). */
export interface Safetensors {
  readonly tensors: readonly StoredTensor[];
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Reads and checks the header: every tensor lies inside the file, none overlaps another, and sizes match shapes.
 * @throws WEIGHTS_CORRUPT, WEIGHTS_UNAVAILABLE
 */
export async function readSafetensors(bytes: ByteSource, signal?: AbortSignal): Promise<Safetensors> {
  const corrupt = (what: string): PeerceptronError =>
    new PeerceptronError('WEIGHTS_CORRUPT', `${bytes.name} is not a sound safetensors file: ${what}`);
  const prefix = await bytes.read(0, 8, signal);
  if (prefix.length < 8) throw corrupt(`it has ${prefix.length} bytes, less than the header's length takes`);
  const headerBytes = Number(new DataView(prefix.buffer, prefix.byteOffset, 8).getBigUint64(0, true));
  if (headerBytes > HEADER_LIMIT_BYTES) {
    throw corrupt(`it claims a header of ${headerBytes} bytes, the limit is ${HEADER_LIMIT_BYTES}`);
  }
  const fileBytes = await bytes.size(signal);
  if (8 + headerBytes > fileBytes) throw corrupt(`its header of ${headerBytes} bytes does not fit into it`);
  const header = parseHeader(await bytes.read(8, headerBytes, signal), corrupt);
  const dataBytes = fileBytes - 8 - headerBytes;
  const tensors: StoredTensor[] = [];
  const metadata: Record<string, string> = {};
  for (const [name, raw] of Object.entries(header)) {
    if (name === '__metadata__') {
      const parsed = v.safeParse(v.record(v.string(), v.string()), raw);
      if (!parsed.success) throw corrupt('its metadata is not a map of strings');
      Object.assign(metadata, parsed.output);
      continue;
    }
    const parsed = v.safeParse(entrySchema, raw);
    if (!parsed.success) throw corrupt(`tensor '${name}': ${parsed.issues[0].message}`);
    const { dtype, shape, data_offsets } = parsed.output;
    const [start, end] = data_offsets;
    const type = elementType(dtype, ELEMENT_TYPES);
    const sizeBytes = shapeSize(shape) * ELEMENT_SIZE_BYTES[type];
    if (start > end || end > dataBytes) {
      throw corrupt(
        `tensor '${name}' lies at bytes ${start}–${end} of ${dataBytes}: it was not downloaded whole`,
      );
    }
    if (end - start !== sizeBytes) {
      throw corrupt(
        `tensor '${name}' of shape ${formatShape(shape)} takes ${sizeBytes} bytes, it has ${end - start}`,
      );
    }
    tensors.push({ name, shape, bytes, offsetBytes: 8 + headerBytes + start, elementType: type });
  }
  checkDisjoint(tensors, corrupt);
  return { tensors, metadata };
}

export async function safetensorsSource(bytes: ByteSource, signal?: AbortSignal): Promise<WeightSource> {
  return storedSource((await readSafetensors(bytes, signal)).tensors);
}

function parseHeader(
  bytes: Uint8Array,
  corrupt: (what: string) => PeerceptronError,
): Record<string, unknown> {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw corrupt('its header is not JSON');
  }
  const parsed = v.safeParse(v.record(v.string(), v.unknown()), json);
  // A list passes for a record.
  if (!parsed.success || Array.isArray(json)) throw corrupt('its header is not a JSON object');
  return parsed.output;
}

function checkDisjoint(tensors: readonly StoredTensor[], corrupt: (what: string) => PeerceptronError): void {
  const byOffset = tensors
    .filter(({ shape }) => shapeSize(shape) > 0)
    .sort((a, b) => a.offsetBytes - b.offsetBytes);
  for (const [index, tensor] of byOffset.entries()) {
    const before = byOffset[index - 1];
    if (!before) continue;
    const end = before.offsetBytes + shapeSize(before.shape) * ELEMENT_SIZE_BYTES[before.elementType];
    if (end > tensor.offsetBytes) throw corrupt(`tensors '${before.name}' and '${tensor.name}' overlap`);
  }
}

export interface SafetensorsEntry {
  readonly name: string;
  readonly shape: Shape;
}

/**
 * The beginning of a file of float32 tensors, which follow it in the order given, without gaps: large models are
 * written tensor by tensor.
 */
export function safetensorsHeader(
  tensors: Iterable<SafetensorsEntry>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const header: Record<string, unknown> = {};
  if (Object.keys(metadata).length > 0) header['__metadata__'] = metadata;
  let offset = 0;
  for (const { name, shape } of tensors) {
    if (name === '__metadata__' || Object.hasOwn(header, name)) {
      throw new PeerceptronError(
        'WEIGHTS_CORRUPT',
        `two weight tensors are named '${name}' (or it is reserved)`,
      );
    }
    const end = offset + shapeSize(shape) * 4;
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, end] };
    offset = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  // Padded with spaces, so that the data begin at a multiple of eight bytes.
  const padded = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(8 + padded).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true);
  bytes.set(json, 8);
  return bytes;
}

/** A whole file in memory: for models that fit there twice. Throws `WEIGHTS_CORRUPT` on a size that is not the shape's. */
export function writeSafetensors(
  tensors: readonly (SafetensorsEntry & { readonly data: Float32Array })[],
  metadata?: Readonly<Record<string, string>>,
): Uint8Array {
  const header = safetensorsHeader(tensors, metadata);
  const elements = tensors.reduce((sum, { shape }) => sum + shapeSize(shape), 0);
  const bytes = new Uint8Array(header.length + elements * 4);
  bytes.set(header);
  let offset = header.length;
  for (const { name, shape, data } of tensors) {
    if (data.length !== shapeSize(shape)) {
      throw new PeerceptronError(
        'WEIGHTS_CORRUPT',
        `weight tensor '${name}' has ${data.length} elements, its shape ${formatShape(shape)} needs ${shapeSize(shape)}`,
      );
    }
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    offset += data.byteLength;
  }
  return bytes;
}
