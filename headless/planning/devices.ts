import { readFile } from 'node:fs/promises';
import { parseDeviceList, parseDevicesFile, type DevicesSpec } from '../../src/planner/devices-file.ts';
import { PRESET_NAMES } from '../../src/planner/device-presets.ts';
import { PeerceptronError } from '../../src/shared/errors.ts';

export const DEVICES_HELP = `a devices file (JSON), or presets with counts, as pi3*4,laptop (${PRESET_NAMES.join(', ')})`;

/** Anything with a dot or a slash is a file: names of presets have neither. Throws `DEVICES_INVALID`. */
export async function loadDevices(where: string): Promise<DevicesSpec> {
  if (!/[./\\]/.test(where)) return parseDeviceList(where);
  let text: string;
  try {
    text = await readFile(where, 'utf8');
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new PeerceptronError(
      'DEVICES_INVALID',
      `--devices: '${where}' ${missing ? 'does not exist' : 'cannot be read'}; give a file, or presets as pi3*4,laptop`,
      { cause },
    );
  }
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new PeerceptronError('DEVICES_INVALID', `--devices: '${where}' is not JSON: ${reason}`, { cause });
  }
  return parseDevicesFile(raw);
}
