import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { byteSize } from '../../src/shared/byte-size.ts';
import { PeerceptronError } from '../../src/shared/errors.ts';

/** A small device that this machine plays. */
export interface FarmDevice {
  /** Letters, digits and dashes. */
  readonly name: string;
  /** Of one core of this machine, for what it computes. */
  readonly share: number;
  /**
   * So many such cores for all else that it does; default: one. A Raspberry Pi has three. A quota lets threads run and stand still in
   * turns, which streams suffer from more than from slow threads: at a tenth of a core and 90 Mbit/s a megabyte takes three to four
   * times as long as without limits, with three such cores no longer.
   */
  readonly otherCores?: number;
  /** All that its program may have, code and buffers included. */
  readonly memoryBytes: number;
  /** Of its link, each way, over all of its connections. */
  readonly megabitsPerSecond: number;
  /** What its link adds to each message, one way; a connection has the delay of both its ends. Default: nothing but what the link takes by itself. */
  readonly delayMs?: number;
  /** Up to so much more. */
  readonly jitterMs?: number;
}

export interface FarmDescription {
  readonly devices: readonly FarmDevice[];
  /** Another such device, which has no peer: programs that ask run on it. */
  readonly requester: FarmDevice;
}

const MOST_DEVICES = 32;
const REQUESTER = 'requester';

const notNegative = v.pipe(v.number(), v.finite(), v.minValue(0));
const SIZE = 'expected a size above 0, as "1GB" or 1e9';
const kind = {
  name: v.exactOptional(
    v.pipe(
      v.string(),
      v.regex(/^[a-z0-9](-?[a-z0-9])*$/, 'expected lower-case letters, digits and dashes'),
      v.maxLength(40),
    ),
  ),
  share: v.pipe(v.number(), v.minValue(0.001), v.maxValue(1)),
  otherCores: v.exactOptional(v.pipe(v.number(), v.minValue(0.1), v.maxValue(16))),
  memory: v.union(
    [
      v.pipe(v.number(), v.integer(), v.minValue(1)),
      v.pipe(
        v.string(),
        v.check((text) => byteSize(text) !== undefined, SIZE),
      ),
    ],
    SIZE,
  ),
  megabitsPerSecond: v.pipe(v.number(), v.minValue(0.1), v.maxValue(10_000)),
  delayMs: v.exactOptional(v.pipe(notNegative, v.maxValue(10_000))),
  jitterMs: v.exactOptional(v.pipe(notNegative, v.maxValue(10_000))),
};
const fileSchema = v.strictObject({
  description: v.exactOptional(v.string()),
  devices: v.pipe(
    v.array(
      v.strictObject({
        ...kind,
        count: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MOST_DEVICES))),
      }),
    ),
    v.minLength(1),
  ),
  requester: v.exactOptional(v.strictObject(kind)),
});
type Kind = v.InferOutput<(typeof fileSchema)['entries']['devices']>[number];

/**
 * A farm, from unknown: `{ "devices": [{ "name": "pi", "count": 4, "share": 0.1, "memory": "1GB", "megabitsPerSecond": 90 }] }`.
 * Devices of a group are numbered; without a requester it is like the first device.
 * @throws USAGE naming the place in the file
 */
export function parseFarm(raw: unknown): FarmDescription {
  const result = v.safeParse(fileSchema, raw);
  if (!result.success) {
    const issue = result.issues[0];
    throw invalid(`${v.getDotPath(issue) ?? '(root)'}: ${issue.message}`);
  }
  const { devices: groups, requester } = result.output;
  const devices = groups.flatMap((group, index): FarmDevice[] => {
    const { count = 1, name = `device-${index + 1}`, ...device } = group;
    return Array.from({ length: count }, (_, at) =>
      deviceOf(device, count === 1 ? name : `${name}-${at + 1}`),
    );
  });
  if (devices.length > MOST_DEVICES) {
    throw invalid(`devices: ${devices.length} of them, and one machine plays at most ${MOST_DEVICES}`);
  }
  const { count: _, ...first } = groups[0]!;
  const asking = deviceOf(requester ?? first, requester?.name ?? REQUESTER);
  const names = [...devices, asking].map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw invalid(`two devices are called '${twice}'`);
  return { devices, requester: asking };
}

/** @throws USAGE for what cannot be read, or is no farm */
export async function readFarm(file: string): Promise<FarmDescription> {
  let raw: unknown;
  try {
    raw = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new PeerceptronError('USAGE', `'${file}' cannot be read as JSON: ${String(cause)}`, { cause });
  }
  return parseFarm(raw);
}

/** Devices that are all alike, and a requester of the same kind. */
export function equalFarm(count: number, device: Omit<FarmDevice, 'name'>): FarmDescription {
  return {
    devices: Array.from({ length: count }, (_, index) => ({ ...device, name: `device-${index + 1}` })),
    requester: { ...device, name: REQUESTER },
  };
}

function deviceOf({ memory, ...kind }: Omit<Kind, 'count'>, name: string): FarmDevice {
  return { ...kind, name, memoryBytes: typeof memory === 'string' ? byteSize(memory)! : memory };
}

const invalid = (message: string): PeerceptronError => new PeerceptronError('USAGE', `farm file: ${message}`);
