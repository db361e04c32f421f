import * as v from 'valibot';
import { byteSize } from '../shared/byte-size.ts';
import { PeerceptronError } from '../shared/errors.ts';
import { DEVICE_PRESETS, isPresetName, PRESET_NAMES, type PresetName } from './device-presets.ts';
import {
  devicesFileSchema,
  MOST_DEVICES,
  type DeviceEntry,
  type DevicesFile,
  type LinkEntry,
} from './devices-schema.ts';
import { withEngineTimes } from './engine-times.ts';
import type { DeviceProfile } from './profile.ts';

/** A device of a file, with what its preset says filled in. */
export interface DeviceSpec {
  readonly name: string;
  /** Name that the whole group goes by. */
  readonly group: string;
  readonly profile: DeviceProfile;
  readonly memoryBytes: number;
  readonly watts?: { readonly idle: number; readonly busy: number };
  readonly rateMbit: number;
  readonly delayMs: number;
  readonly loss: number;
}

export interface DevicesSpec {
  readonly devices: readonly DeviceSpec[];
  /** A device that is not among `devices`, or the index of one that is. */
  readonly requester: DeviceSpec | number;
  readonly links: readonly LinkEntry[];
}

/**
 * A devices file, from unknown.
 *
 * @throws DEVICES_INVALID naming the place in the file
 */
export function parseDevicesFile(raw: unknown): DevicesSpec {
  const result = v.safeParse(devicesFileSchema, raw);
  if (result.success) return resolveDevices(result.output);
  const issue = result.issues[0];
  throw invalid(`${v.getDotPath(issue) ?? '(root)'}: ${issue.message}`);
}

/** `pi3*4,laptop`, as `--devices` takes it instead of a file. Throws `DEVICES_INVALID`. */
export function parseDeviceList(text: string): DevicesSpec {
  const devices = text.split(',').map((part): DeviceEntry => {
    const match = /^([a-z0-9]+)(?:\s*[*x×]\s*(\d+))?$/i.exec(part.trim());
    const preset = match?.[1]?.toLowerCase();
    const count = Number(match?.[2] ?? 1);
    if (preset === undefined || !isPresetName(preset) || count < 1) {
      throw new PeerceptronError(
        'DEVICES_INVALID',
        `'${part.trim()}' is no preset with a count, as pi3*4: the presets are ${PRESET_NAMES.join(', ')}`,
        { details: { presets: PRESET_NAMES } },
      );
    }
    return { preset, count };
  });
  return resolveDevices({ devices });
}

function resolveDevices(file: DevicesFile): DevicesSpec {
  const devices = file.devices.flatMap(devicesOf);
  if (devices.length > MOST_DEVICES) {
    throw invalid(`devices: ${devices.length} of them, and at most ${MOST_DEVICES} are planned for`);
  }
  const unnamed = new Map<string, number>();
  const numbered = devices.map((device) => {
    // Groups of the same name go on counting where the one before ended.
    const index = (unnamed.get(device.group) ?? 0) + 1;
    unnamed.set(device.group, index);
    const total = devices.filter(({ group }) => group === device.group).length;
    return total === 1 ? device : { ...device, name: `${device.group}-${index}` };
  });
  const links = file.links ?? [];
  const known = new Set(['requester', ...numbered.flatMap(({ name, group }) => [name, group])]);
  for (const [index, { between }] of links.entries()) {
    const stranger = between.find((end) => !known.has(end));
    if (stranger === undefined) continue;
    throw invalid(`links.${index}.between: no device '${stranger}': there are ${listed([...known])}`);
  }
  return { devices: numbered, requester: requesterOf(file.requester, numbered), links };
}

function devicesOf(entry: DeviceEntry): DeviceSpec[] {
  const { count = 1, speed = 1, memory } = entry;
  const base = kindOf(entry);
  const memoryBytes = typeof memory === 'string' ? byteSize(memory)! : (memory ?? base.memoryBytes);
  const watts = entry.watts ?? base.watts;
  const device = {
    ...base,
    profile: speed === 1 ? base.profile : sped(base.profile, speed),
    memoryBytes,
    ...(watts ? { watts } : {}),
  };
  return Array.from({ length: count }, () => device);
}

function requesterOf(asked: DevicesFile['requester'], devices: readonly DeviceSpec[]): DeviceSpec | number {
  if (asked === undefined) return { ...devices[0]!, name: 'requester', group: 'requester' };
  if (typeof asked !== 'string') {
    return { ...kindOf(asked), name: asked.name ?? 'requester', group: 'requester' };
  }
  const index = devices.findIndex(({ name }) => name === asked);
  if (index >= 0) return index;
  throw invalid(
    `requester: no device '${asked}': there are ${listed(devices.map(({ name }) => name))}, or say what device it is`,
  );
}

type KindEntry = Pick<DeviceEntry, 'preset' | 'profile' | 'name' | 'rateMbit' | 'delayMs' | 'loss'>;

/** Where nobody says: wired links within a room. */
const UNKNOWN_LINK = { delayMs: 0.5, memoryBytes: 0.5e9 };

function kindOf(entry: KindEntry): DeviceSpec {
  const known = entry.preset === undefined ? undefined : DEVICE_PRESETS[entry.preset];
  const profile = entry.profile ?? known!.profile;
  const { uplinkBytesPerMs, downlinkBytesPerMs } = profile.transport;
  const rateMbit = entry.rateMbit ?? known?.link.mbitPerSecond;
  const name = entry.name ?? entry.preset ?? 'device';
  return {
    name,
    group: name,
    profile: rateMbit === undefined ? profile : withRate(profile, rateMbit),
    memoryBytes: known?.memoryBytes ?? UNKNOWN_LINK.memoryBytes,
    ...(known ? { watts: known.watts } : {}),
    rateMbit: rateMbit ?? Math.max(uplinkBytesPerMs, downlinkBytesPerMs) / 125,
    delayMs: entry.delayMs ?? known?.link.delayMs ?? UNKNOWN_LINK.delayMs,
    loss: entry.loss ?? 0,
  };
}

export function withRate(profile: DeviceProfile, mbitPerSecond: number): DeviceProfile {
  const bytesPerMs = mbitPerSecond * 125;
  const transport = {
    ...profile.transport,
    uplinkBytesPerMs: bytesPerMs,
    downlinkBytesPerMs: bytesPerMs,
  };
  return { ...profile, transport };
}

/** The profile of the same device on a processor that is `speed` times as fast; its connection stays what it is. */
export function sped(profile: DeviceProfile, speed: number): DeviceProfile {
  const { pieceMs, sendMsPerByte, receiveMsPerByte } = profile.transport;
  return {
    ...withEngineTimes(profile, (ms) => ms / speed),
    transport: {
      ...profile.transport,
      pieceMs: pieceMs / speed,
      sendMsPerByte: sendMsPerByte / speed,
      receiveMsPerByte: receiveMsPerByte / speed,
    },
  };
}

/** A device of a preset, as simulations draw from. */
export const presetDevice = (preset: PresetName): DeviceSpec => kindOf({ preset });

function invalid(message: string): PeerceptronError {
  return new PeerceptronError(
    'DEVICES_INVALID',
    `devices file: ${message}; docs/devices.schema.json says what one looks like`,
  );
}

const LISTED = 8;

function listed(names: readonly string[]): string {
  const more = names.length - LISTED;
  return names.slice(0, LISTED).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
