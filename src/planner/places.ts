import type { PeerId } from '../shared/ids.ts';
import type { DeviceProfile, TransportProfile } from './profile.ts';
import type { World } from './world.ts';

/** One end of links: the requester, or a device. */
export interface Place {
  readonly id: PeerId;
  readonly transport: TransportProfile;
  /** Absent for a requester that does not compute. */
  readonly profile?: DeviceProfile;
  /** From one tile to the next on the same device: reads every byte and writes it, as element-wise ops do. */
  readonly copyMsPerByte: number;
}

/** Index of the requester; devices follow in the order in which they were given. */
export const REQUESTER_PLACE = 0;

/** The requester and some devices, with the links between them as flat tables: `from · count + to`. */
export interface Places {
  readonly places: readonly Place[];
  readonly indexOf: ReadonlyMap<PeerId, number>;
  readonly latencyMs: Float64Array;
  readonly bytesPerMs: Float64Array;
}

/** A requester that computes is one place with its device. Devices of the world that `peers` does not name are left out. */
export function placesOf(world: World, peers: readonly PeerId[]): Places {
  const devices = new Map(world.devices.map((device) => [device.id, device]));
  const { requester } = world;
  const ids = [requester.id, ...peers.filter((id) => id !== requester.id)];
  const places = ids.map((id): Place => {
    const profile = devices.get(id)?.profile;
    return {
      id,
      transport: profile?.transport ?? requester.transport,
      ...(profile ? { profile } : {}),
      copyMsPerByte: 2 * (profile?.rates.elementwise.msPerByte ?? 0),
    };
  });
  const count = places.length;
  const latencyMs = new Float64Array(count * count);
  const bytesPerMs = new Float64Array(count * count).fill(Infinity);
  for (let from = 0; from < count; from++) {
    for (let to = 0; to < count; to++) {
      if (from === to) continue;
      const link = world.link(ids[from]!, ids[to]!);
      latencyMs[from * count + to] = link.roundTripMs / 2;
      bytesPerMs[from * count + to] = link.bytesPerMs;
    }
  }
  return { places, indexOf: new Map(ids.map((id, index) => [id, index])), latencyMs, bytesPerMs };
}
