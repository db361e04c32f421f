import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Engine } from '../src/engine/engine.ts';
import { parseDeviceProfile } from '../src/planner/profile-schema.ts';
import type { DeviceProfile } from '../src/planner/profile.ts';
import { toPeerceptronError } from '../src/shared/errors.ts';
import { measureNodeDevice } from './device-profile.ts';
import type { EngineName } from './node-engine.ts';

const TIMEOUT_MS = 120_000;

/**
 * Measures this device in a process of its own, while `engine`, which is the one named `name` (with so many threads, if it is the native one),
 * has nothing to do. What is measured with takes
 * more than 100 MB for a second, and the C library keeps a third of that for itself: it goes with the process. Where none can be started,
 * here.
 */
export async function measureApart(
  engine: Engine,
  name: EngineName,
  threads: number,
): Promise<DeviceProfile> {
  try {
    const profile = parseDeviceProfile(JSON.parse(await runProgram(name, threads)));
    if (profile.engine === engine.name) return profile;
  } catch {
    // No program, no memory for another process, or an engine that works only now and then.
  }
  return measureNodeDevice(engine);
}

function runProgram(name: EngineName, threads: number): Promise<string> {
  // In the built program this file is part of a chunk beside it.
  const program = fileURLToPath(new URL('./measure-device.js', import.meta.url));
  if (!existsSync(program)) return Promise.reject(new Error(`${program} is not built`));
  // It need not know any room.
  const { PEERCEPTRON_URL: _, ...env } = process.env;
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [...process.execArgv, program, name, String(threads)],
      { env, timeout: TIMEOUT_MS },
      (error, stdout) => {
        if (error) reject(toPeerceptronError(error));
        else resolve(stdout);
      },
    );
  });
}
