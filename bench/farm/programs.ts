import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The built programs of a farm's processes. */
export interface FarmPrograms {
  /** `cli.js`. */
  readonly peer: string;
  /** Likewise, for devices whose link has a delay. */
  readonly delayedPeer: string;
  readonly signaling: string;
  readonly floor: string;
}

/** Where `bench/run.mjs` builds them, and where the product's build is; the working folder is the repository's root. */
export function builtPrograms(): FarmPrograms {
  const beside = (name: string): string => fileURLToPath(new URL(`./${name}.process.js`, import.meta.url));
  return {
    peer: join(process.cwd(), 'dist/node/cli.js'),
    delayedPeer: beside('farm-peer'),
    signaling: beside('farm-signaling'),
    floor: beside('farm-floor'),
  };
}
