import * as v from 'valibot';

/** What of `localStorage` is needed; it throws where a browser forbids it. */
export interface SettingsStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

/** How much of the processor may be given. */
export const SHARES = [0.25, 0.5, 1] as const;
/** At or below which charge a device on battery rests; 0: never. */
export const REST_LEVELS = [0, 0.1, 0.2, 0.3, 0.5] as const;

/** What the people at this device have decided; it holds for every room, until they decide otherwise. */
export interface DeviceSettings {
  readonly name: string;
  readonly share: number;
  readonly memoryBytes: number;
  readonly restBelow: number;
}

const MAX_NAME_LENGTH = 60;
const DEFAULT_REST_BELOW = 0.2;
const ITEM = 'peerceptron device';

const stored = v.object({
  name: v.optional(v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(MAX_NAME_LENGTH))),
  share: v.optional(v.picklist(SHARES)),
  memoryBytes: v.optional(v.pipe(v.number(), v.finite())),
  restBelow: v.optional(v.picklist(REST_LEVELS)),
});

/** What a browser would decide by itself. */
export interface DeviceDefaults {
  readonly name: string;
  readonly memoryBytes: number;
}

export const defaultSettings = ({ name, memoryBytes }: DeviceDefaults): DeviceSettings => ({
  name,
  share: 1,
  memoryBytes,
  restBelow: DEFAULT_REST_BELOW,
});

/** What may be offered of memory, bytes: from an eighth of what the browser would offer to twice as much. */
export const memoryRange = ({ memoryBytes }: Pick<DeviceDefaults, 'memoryBytes'>) => ({
  leastBytes: memoryBytes / 8,
  mostBytes: memoryBytes * 2,
  stepBytes: memoryBytes / 8,
});

/** As a change is wanted, or as near to it as is allowed. */
export function changedSettings(
  before: DeviceSettings,
  change: Partial<DeviceSettings>,
  defaults: DeviceDefaults,
): DeviceSettings {
  const after = { ...before, ...change };
  const { leastBytes, mostBytes } = memoryRange(defaults);
  const name = after.name.trim().slice(0, MAX_NAME_LENGTH);
  return {
    // Without a name it is called as it would be by itself.
    name: name === '' ? defaults.name : name,
    share: SHARES.find((share) => share === after.share) ?? before.share,
    memoryBytes: Math.min(mostBytes, Math.max(leastBytes, after.memoryBytes)),
    restBelow: REST_LEVELS.find((level) => level === after.restBelow) ?? before.restBelow,
  };
}

/** What was decided before on this device. */
export function readSettings(storage: () => SettingsStorage, defaults: DeviceDefaults): DeviceSettings {
  const settings = defaultSettings(defaults);
  try {
    const parsed = v.safeParse(stored, JSON.parse(storage().getItem(ITEM) ?? '{}'));
    if (!parsed.success) return settings;
    const { name, share, memoryBytes, restBelow } = parsed.output;
    return changedSettings(
      settings,
      {
        ...(name === undefined ? {} : { name }),
        ...(share === undefined ? {} : { share }),
        ...(memoryBytes === undefined ? {} : { memoryBytes }),
        ...(restBelow === undefined ? {} : { restBelow }),
      },
      defaults,
    );
  } catch {
    // Nothing that can be read, or no storage.
    return settings;
  }
}

/** Keeps what differs from what the browser would decide, so that a device follows it otherwise. */
export function writeSettings(
  storage: () => SettingsStorage,
  settings: DeviceSettings,
  defaults: DeviceDefaults,
): void {
  const plain = defaultSettings(defaults);
  const keys = ['name', 'share', 'memoryBytes', 'restBelow'] as const;
  const chosen = keys.filter((key) => settings[key] !== plain[key]).map((key) => [key, settings[key]]);
  try {
    storage().setItem(ITEM, JSON.stringify(Object.fromEntries(chosen)));
  } catch {
    // Decided anew at the next visit.
  }
}
