import * as v from 'valibot';
import { NETWORK_NAMES } from '../../models/presets.ts';
import { decodeBase64url, encodeBase64url } from '../../protocol/base64url.ts';
import { PeerceptronError } from '../../shared/errors.ts';
import type { StoredChoice } from '../demo/model-choice.ts';
import type { FeatureNetwork } from './feature-network.ts';

/** What was taught, as a file has it. */
export interface Lesson {
  readonly network: FeatureNetwork;
  /** How to come to that network; absent where it was somebody's own files. */
  readonly choice?: StoredChoice;
  readonly classes: readonly {
    readonly name: string;
    /** Unit vectors of `network.size`. */
    readonly examples: readonly Float32Array[];
  }[];
}

const FORMAT = 'peerceptron-classes';
const VERSION = 1;
/** What the page can hold, and more than it collects. */
export const LESSON_LIMITS = { classes: 50, examples: 1000, size: 1 << 20, nameLength: 60 } as const;

const text = v.pipe(v.string(), v.minLength(1), v.maxLength(2000));
const schema = v.object({
  format: v.literal(FORMAT),
  version: v.literal(VERSION),
  network: v.strictObject({
    name: text,
    tensor: text,
    size: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(LESSON_LIMITS.size)),
    weights: text,
  }),
  choice: v.exactOptional(
    v.variant('kind', [
      v.strictObject({ kind: v.literal('bundled') }),
      v.strictObject({ kind: v.literal('served'), name: text, path: text }),
      v.strictObject({ kind: v.literal('preset'), name: v.picklist(NETWORK_NAMES) }),
      v.strictObject({ kind: v.literal('url'), url: text }),
    ]),
  ),
  classes: v.pipe(
    v.array(
      v.strictObject({
        name: v.pipe(v.string(), v.maxLength(LESSON_LIMITS.nameLength)),
        examples: v.pipe(v.array(v.string()), v.maxLength(LESSON_LIMITS.examples)),
      }),
    ),
    v.maxLength(LESSON_LIMITS.classes),
  ),
});

/** JSON; vectors as base64url of little-endian float32. */
export function formatLesson({ network, choice, classes }: Lesson): string {
  return JSON.stringify({
    format: FORMAT,
    version: VERSION,
    network,
    ...(choice ? { choice } : {}),
    classes: classes.map(({ name, examples }) => ({ name, examples: examples.map(encodeVector) })),
  });
}

/**
 * What `formatLesson` has written.
 * @throws MODEL_CORRUPT where the file is no such file or damaged, MODEL_UNSUPPORTED where it is of a later version
 */
export function parseLesson(file: string): Lesson {
  let json: unknown;
  try {
    json = JSON.parse(file);
  } catch (cause) {
    throw new PeerceptronError('MODEL_CORRUPT', 'the file is not JSON', { cause });
  }
  const { format, version } = Object(json) as { format?: unknown; version?: unknown };
  if (format === FORMAT && typeof version === 'number' && version > VERSION) {
    throw new PeerceptronError(
      'MODEL_UNSUPPORTED',
      `the file is of version ${version}, this page reads version ${VERSION}: reload the page`,
    );
  }
  const parsed = v.safeParse(schema, json);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    const place = v.getDotPath(issue) ?? 'the file';
    throw new PeerceptronError('MODEL_CORRUPT', `${place}: ${issue.message}`);
  }
  const { network, choice, classes } = parsed.output;
  return {
    network,
    ...(choice ? { choice } : {}),
    classes: classes.map(({ name, examples }) => ({
      name,
      examples: examples.map((example, index) =>
        decodeVector(example, network.size, `${name}, example ${index}`),
      ),
    })),
  };
}

function encodeVector(values: Float32Array): string {
  const bytes = new DataView(new ArrayBuffer(values.length * 4));
  values.forEach((value, index) => bytes.setFloat32(index * 4, value, true));
  return encodeBase64url(new Uint8Array(bytes.buffer));
}

function decodeVector(encoded: string, size: number, place: string): Float32Array {
  const bytes = decodeBase64url(encoded);
  if (bytes?.length !== size * 4) {
    throw new PeerceptronError('MODEL_CORRUPT', `${place}: these are not ${size} numbers`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = Float32Array.from({ length: size }, (_, index) => view.getFloat32(index * 4, true));
  if (!values.every(Number.isFinite)) {
    throw new PeerceptronError('MODEL_CORRUPT', `${place}: it holds what is no number`);
  }
  return values;
}
