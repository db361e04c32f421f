import * as v from 'valibot';
import { shapeSize, type Shape } from '../graph/box.ts';
import { PeerceptronError } from '../shared/errors.ts';
import type { StoredTensor } from './box-reader.ts';
import type { ByteSource } from './byte-source.ts';
import { ELEMENT_SIZE_BYTES, elementType, type ElementType, type Quantization } from './element-type.ts';
import { joinedBytes } from './joined-source.ts';

const extent = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const manifestSchema = v.array(
  v.object({
    paths: v.array(v.string()),
    weights: v.array(
      v.object({
        name: v.string(),
        shape: v.pipe(v.array(extent), v.maxLength(16)),
        dtype: v.string(),
        quantization: v.optional(
          v.object({
            dtype: v.string(),
            scale: v.optional(v.number()),
            min: v.optional(v.number()),
          }),
        ),
      }),
    ),
  }),
);

const STORED_TYPES: Readonly<Record<string, ElementType>> = {
  float32: 'float32',
  int32: 'int32',
  bool: 'bool',
  uint8: 'uint8',
  uint16: 'uint16',
  float16: 'float16',
};

/** A tensor of a manifest, before any file is opened. */
export interface ManifestTensor {
  readonly name: string;
  readonly shape: Shape;
  readonly elementType: ElementType;
  readonly quantization?: Quantization;
  readonly offsetBytes: number;
}

export interface ManifestGroup {
  /** Relative to the file that holds the manifest. */
  readonly paths: readonly string[];
  readonly sizeBytes: number;
  readonly tensors: readonly ManifestTensor[];
}

/**
 * `weightsManifest` of a TensorFlow.js `model.json`: per group, tensors one after another in the concatenation of
 * its shards. Throws `WEIGHTS_CORRUPT`.
 */
export function parseWeightsManifest(raw: unknown): ManifestGroup[] {
  const parsed = v.safeParse(manifestSchema, raw);
  if (!parsed.success) {
    const issue = parsed.issues[0];
    throw new PeerceptronError(
      'WEIGHTS_CORRUPT',
      `the weights manifest is not as TensorFlow.js writes it: ${v.getDotPath(issue) ?? 'it'}: ${issue.message}`,
    );
  }
  return parsed.output.map(({ paths, weights }) => {
    let offsetBytes = 0;
    const tensors = weights.map((weight): ManifestTensor => {
      if (weight.dtype === 'string' || weight.dtype === 'complex64') {
        throw new PeerceptronError(
          'MODEL_UNSUPPORTED',
          `weight tensor '${weight.name}' is of type ${weight.dtype}: only numbers are supported`,
        );
      }
      const stored = elementType(weight.quantization?.dtype ?? weight.dtype, STORED_TYPES);
      const tensor = {
        name: weight.name,
        shape: weight.shape,
        elementType: stored,
        offsetBytes,
        ...quantizationOf(weight.name, weight.dtype, weight.quantization),
      };
      offsetBytes += shapeSize(weight.shape) * ELEMENT_SIZE_BYTES[stored];
      return tensor;
    });
    return { paths, sizeBytes: offsetBytes, tensors };
  });
}

/** As tfjs-core's `decodeWeights`: affine for uint8 and uint16 (rounded for int32), none for float16. */
function quantizationOf(
  name: string,
  dtype: string,
  raw: { dtype: string; scale?: number | undefined; min?: number | undefined } | undefined,
): { quantization?: Quantization } {
  if (!raw || raw.dtype === 'float16') return {};
  if ((raw.dtype !== 'uint8' && raw.dtype !== 'uint16') || raw.scale === undefined || raw.min === undefined) {
    throw new PeerceptronError(
      'WEIGHTS_CORRUPT',
      `weight tensor '${name}' is quantised as ${raw.dtype}, known are uint8 and uint16 with scale and min, and float16`,
    );
  }
  return { quantization: { scale: raw.scale, min: raw.min, round: dtype === 'int32' } };
}

/** The manifest's tensors, read in place. `open` finds a shard by its path relative to the manifest's file. */
export function manifestTensors(
  groups: readonly ManifestGroup[],
  open: (path: string) => ByteSource,
): StoredTensor[] {
  return groups.flatMap((group, index) => {
    const bytes = joinedBytes(
      `weight group ${index + 1} (${group.paths.length} files)`,
      group.paths.map(open),
      group.sizeBytes,
    );
    return group.tensors.map((tensor) => ({ ...tensor, bytes }));
  });
}
