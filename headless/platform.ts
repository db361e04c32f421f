import { randomFillSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { arch, homedir, networkInterfaces, platform, totalmem, type NetworkInterfaceInfo } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { byteSize } from '../src/shared/byte-size.ts';
import { PeerceptronError } from '../src/shared/errors.ts';
import type { CollectGarbage } from '../src/shared/garbage.ts';
import type { RandomBytes } from '../src/shared/random.ts';
import { memoryGroupLimit } from './control-groups.ts';

export const nodeRandomBytes: RandomBytes = (length) => randomFillSync(new Uint8Array(length));

// As late as this the flag cannot expose `gc` in this context, but in a new one.
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as (options: { readonly type: 'minor' | 'major' }) => void;

/** What has just become garbage: about a millisecond. */
export const collectYoungGarbage: CollectGarbage = () => collect({ type: 'minor' });

/** All of it: ten milliseconds or more. */
export const collectGarbage: CollectGarbage = () => collect({ type: 'major' });

/** Of the package that this program belongs to; programs lie two folders below its root. */
export const programVersion = (): string =>
  (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string })
    .version;

export const platformName = (): string => `node ${process.versions.node} ${platform()}-${arch()}`;

/** What this process may use: the machine's memory, or the limit of its control group, or of one around it, where that is lower. */
export const memoryLimitBytes = (): number => Math.min(totalmem(), memoryGroupLimit() ?? Infinity);

/** Half of what there is: the rest is for the system, and for what engines allocate beside the tensors. */
export const defaultMemoryOffer = (): number => Math.floor(memoryLimitBytes() / 2);

/** `512MB`, `1.5GB`, or plain bytes. Throws `USAGE`. */
export function parseByteSize(text: string): number {
  const bytes = byteSize(text);
  if (bytes === undefined) {
    throw new PeerceptronError('USAGE', `'${text}' is no size: write for example 512MB or 1.5GB`);
  }
  return bytes;
}

/** Whether an address of an interface leads to other devices: neither loopback nor of one link alone. */
export const isOutside = ({ internal, address }: NetworkInterfaceInfo): boolean =>
  !internal && !address.startsWith('fe80:');

/** Addresses under which other devices may reach this one, IPv4 first. Never loopback. */
export function lanAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const outside = all.filter(isOutside);
  return outside
    .sort((a, b) => a.family.localeCompare(b.family))
    .map(({ family, address }) => (family === 'IPv6' ? `[${address}]` : address));
}

/** Where this system keeps what programs cannot make again, for this user; `PEERCEPTRON_DATA` names another folder. */
export function userDataDir(): string {
  const { env } = process;
  if (env.PEERCEPTRON_DATA) return env.PEERCEPTRON_DATA;
  const home = homedir();
  const base =
    platform() === 'win32'
      ? (env.LOCALAPPDATA ?? join(home, 'AppData', 'Local'))
      : platform() === 'darwin'
        ? join(home, 'Library', 'Application Support')
        : env.XDG_DATA_HOME || join(home, '.local', 'share');
  return join(base, 'peerceptron');
}
