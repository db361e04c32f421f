import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';

/** How this device is looked at. */
export interface HealthSources {
  /** The names in a folder; empty where there is none. */
  readonly list: (folder: string) => Promise<readonly string[]>;
  readonly read: (path: string) => Promise<string | undefined>;
  /** What a program prints; undefined where it is missing or fails. */
  readonly run: (program: string, args: readonly string[]) => Promise<string | undefined>;
}

export interface Temperature {
  /** As the kernel calls it: `cpu-thermal`. */
  readonly zone: string;
  readonly celsius: number;
}

export const THROTTLE_REASONS = [
  'under-voltage',
  'frequency-capped',
  'throttled',
  'soft-temperature-limit',
] as const;
export type ThrottleReason = (typeof THROTTLE_REASONS)[number];

export type Throttling = Readonly<
  Record<ThrottleReason, { readonly now: boolean; readonly sinceBoot: boolean }>
>;

export interface DeviceHealth {
  readonly temperatures: readonly Temperature[];
  /** Of a Raspberry Pi; undefined elsewhere. */
  readonly throttling: Throttling | undefined;
}

const THERMAL = '/sys/class/thermal';
const THROTTLED = '/sys/devices/platform/soc/soc:firmware/get_throttled';
const PROGRAM_TIMEOUT_MS = 1000;

export const systemSources: HealthSources = {
  list: (folder) => readdir(folder).catch(() => []),
  read: (path) => readFile(path, 'utf8').catch(() => undefined),
  run: (program, args) =>
    new Promise((resolve) => {
      execFile(program, args, { timeout: PROGRAM_TIMEOUT_MS }, (error, stdout) =>
        resolve(error ? undefined : stdout),
      );
    }),
};

/** Looks at the device when it is asked; what does not exist here is looked for once. */
export class DeviceHealthProbe {
  readonly #sources: HealthSources;
  #hasProgram = true;

  constructor(sources: HealthSources = systemSources) {
    this.#sources = sources;
  }

  async read(): Promise<DeviceHealth> {
    const [temperatures, throttling] = await Promise.all([this.#temperatures(), this.#throttling()]);
    return { temperatures, throttling };
  }

  async #temperatures(): Promise<Temperature[]> {
    const { list, read } = this.#sources;
    const zones = (await list(THERMAL)).filter((name) => name.startsWith('thermal_zone')).sort();
    const found = await Promise.all(
      zones.map(async (name): Promise<Temperature[]> => {
        const [type, temp] = await Promise.all([
          read(`${THERMAL}/${name}/type`),
          read(`${THERMAL}/${name}/temp`),
        ]);
        const celsius = Number.parseInt(temp ?? '', 10) / 1000;
        return Number.isFinite(celsius) ? [{ zone: type?.trim() || name, celsius }] : [];
      }),
    );
    return found.flat();
  }

  async #throttling(): Promise<Throttling | undefined> {
    const file = await this.#sources.read(THROTTLED);
    if (file !== undefined) return parseThrottled(file);
    if (!this.#hasProgram) return undefined;
    const said = await this.#sources.run('vcgencmd', ['get_throttled']);
    if (said === undefined) this.#hasProgram = false;
    return said === undefined ? undefined : parseThrottled(said.replace(/^throttled=/, ''));
  }
}

/** The firmware's bits, in hexadecimal with or without `0x`: bits 0 to 3 say what is so now, 16 to 19 what has been since it started. */
export function parseThrottled(text: string): Throttling | undefined {
  const bits = Number.parseInt(text.trim(), 16);
  if (!Number.isFinite(bits)) return undefined;
  const isSet = (bit: number): boolean => ((bits >>> bit) & 1) === 1;
  const [underVoltage, capped, throttled, soft] = THROTTLE_REASONS.map((_, bit) => ({
    now: isSet(bit),
    sinceBoot: isSet(16 + bit),
  }));
  return {
    'under-voltage': underVoltage!,
    'frequency-capped': capped!,
    throttled: throttled!,
    'soft-temperature-limit': soft!,
  };
}
