import type { PeerProcess } from '../../headless/peer-processes.ts';
import { percentile } from '../benchmark.ts';
import type { Calibration } from './cells.ts';
import type { Farm } from './devices.ts';
import { startLineProcess } from './line-process.ts';
import { builtPrograms, type FarmPrograms } from './programs.ts';

export interface FloorQuestion {
  /** Id in the room. */
  readonly peer: string;
  readonly count: number;
  /** Sent before the small message that is answered; 0: that alone. */
  readonly sizeBytes: number;
}

export interface FloorAnswer {
  readonly timesMs: readonly number[];
}

export interface FloorOptions {
  /** Small round trips; a tenth as many with a megabyte. */
  readonly trips: number;
  /** Who answers; default: the first. */
  readonly peer?: PeerProcess;
  readonly programs?: Pick<FarmPrograms, 'floor'>;
}

const LARGE_BYTES = 1e6;

/**
 * What the emulation cannot do better: times there and back between the requester's device and another one, both limited as the farm
 * is at the moment and otherwise idle, over their data channel. A small message each way; and a megabyte there, with a small message back.
 * The requester's device must have no other program meanwhile.
 */
export async function measureFloor(farm: Farm, options: FloorOptions): Promise<Calibration['hopMs']> {
  const { trips, peer = farm.peers[0]!, programs = builtPrograms() } = options;
  const command = [...farm.requesterCommand, process.execPath, programs.floor];
  const asking = startLineProcess(command, farm.requesterEnvironment);
  try {
    // It has joined, and has connections.
    await asking.next();
    await farm.adoptRequester(asking.pid);
    const timesMs = async (count: number, sizeBytes: number): Promise<readonly number[]> => {
      asking.tell({ peer: peer.id, count, sizeBytes } satisfies FloorQuestion);
      return ((await asking.next()) as FloorAnswer).timesMs;
    };
    const small = await timesMs(trips, 0);
    const large = await timesMs(Math.ceil(trips / 10), LARGE_BYTES);
    return {
      smallP50: percentile(small, 50),
      smallP95: percentile(small, 95),
      megabyteP50: percentile(large, 50),
    };
  } finally {
    await asking.end();
  }
}
