import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { Option, type Command } from 'commander';
import type { Engine } from '../src/engine/engine.ts';
import { systemClock } from '../src/mesh/system-clock.ts';
import { parseDeviceProfile } from '../src/planner/profile-schema.ts';
import { PROFILE_VERSION, type DeviceProfile } from '../src/planner/profile.ts';
import { measureDevice } from '../src/runtime/measure-device.ts';
import { userCacheDir } from './weight-cache.ts';

export interface ProfileFlags {
  readonly profile?: 'cached' | 'fresh';
}

export const addProfileFlag = (command: Command): Command =>
  command.addOption(
    new Option('--profile <how>', 'how fast this device is: as measured before, or measured now')
      .choices(['cached', 'fresh'])
      .default('cached'),
  );

export interface KnownProfile {
  readonly profile: DeviceProfile;
  readonly measured: boolean;
}

/** With all of this device, and before anything else runs on its engine. */
export const measureNodeDevice = (engine: Engine): Promise<DeviceProfile> =>
  measureDevice({ engine, clock: systemClock, cores: availableParallelism() });

/**
 * What was measured before on this device with this engine and this version, or else what is measured now. A file that
 * cannot be read, or holds no such thing, is as good as none; one that cannot be written costs the next start a second.
 */
export async function nodeDeviceProfile(
  engine: Engine,
  { profile: how = 'cached' }: ProfileFlags,
  file = join(userCacheDir(), 'profiles.json'),
  measure: () => Promise<DeviceProfile> = () => measureNodeDevice(engine),
): Promise<KnownProfile> {
  const key = deviceKey(engine.name);
  const known = await readProfiles(file);
  if (how === 'cached') {
    try {
      return { profile: parseDeviceProfile(known[key]), measured: false };
    } catch {
      // Not measured yet, or not by this version.
    }
  }
  const profile = await measure();
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    // In one step: another process may read it meanwhile.
    const written = `${file}.${process.pid}`;
    await writeFile(written, JSON.stringify({ ...known, [key]: profile }, undefined, 1));
    await rename(written, file);
  } catch {
    // A folder without room, or of somebody else.
  }
  return { profile, measured: true };
}

async function readProfiles(file: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    const raw: unknown = JSON.parse(await readFile(file, 'utf8'));
    return typeof raw === 'object' && raw !== null && !Array.isArray(raw) ? { ...raw } : {};
  } catch {
    return {};
  }
}

/** A home folder may be shared by several machines. */
function deviceKey(engine: string): string {
  const processor = cpus()[0]?.model.trim() ?? 'unknown';
  return [hostname(), processor, availableParallelism(), process.version, engine, PROFILE_VERSION].join(', ');
}
