import type { Engine } from '../engine/engine.ts';
import { PROFILE_VERSION, type DeviceProfile } from '../planner/profile.ts';
import type { Clock } from '../shared/clock.ts';
import { measureEngine } from './measure-engine.ts';
import { measureTransport } from './measure-transport.ts';

export interface MeasureDeviceOptions {
  readonly engine: Engine;
  readonly clock: Clock;
  /** Logical processors. */
  readonly cores: number;
  readonly networkBytesPerMs?: number;
}

/** All that a device tells planners of itself, within 1.5 s. Nothing else should run on its engine meanwhile. */
export async function measureDevice(options: MeasureDeviceOptions): Promise<DeviceProfile> {
  const { engine, cores } = options;
  // One after the other: on a device with a single core they would measure each other.
  const rates = await measureEngine(options);
  const transport = await measureTransport(options);
  return { version: PROFILE_VERSION, engine: engine.name, cores, ...rates, transport };
}
