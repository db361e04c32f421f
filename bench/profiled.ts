import type { Device } from '../src/planner/world.ts';
import type { Survey, SurveyPeer } from '../src/runtime/survey.ts';

/** One after the other: devices do not share processors, and these do. */
export async function profiled(survey: Survey, peers: readonly SurveyPeer[]): Promise<Device[]> {
  const devices: Device[] = [];
  for (const peer of peers) devices.push(...(await survey.devices([peer])));
  return devices;
}
