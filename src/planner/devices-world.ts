import { asPeerId, type PeerId } from '../shared/ids.ts';
import type { DevicesSpec, DeviceSpec } from './devices-file.ts';
import type { LinkEntry } from './devices-schema.ts';
import type { Device, LinkProfile, World } from './world.ts';

/** Payload of an SCTP packet as WebRTC sends it. */
const PACKET_BYTES = 1200;
/** Mathis, Semke, Mahdavi, Ott: The macroscopic behavior of the TCP congestion avoidance algorithm, 1997. */
const MATHIS = Math.sqrt(3 / 2);
/** A loss costs at least the time that a packet takes to be missed. */
const LEAST_ROUND_TRIP_MS = 1;

/**
 * What is left of a link on which packets get lost. SCTP's congestion control is that of TCP, so a long stream goes at
 * no more than `packet / roundTrip · √(3/2) / √loss`, and what is lost is sent again; a message waits for its repeat
 * about `loss` times a round trip more.
 */
export function lossyLink(link: LinkProfile, loss: number): LinkProfile {
  if (loss <= 0) return link;
  const roundTripMs = Math.max(link.roundTripMs, LEAST_ROUND_TRIP_MS);
  const sustained = (PACKET_BYTES / roundTripMs) * (MATHIS / Math.sqrt(loss));
  return {
    roundTripMs: link.roundTripMs + (2 * loss * roundTripMs) / (1 - loss),
    bytesPerMs: Math.min(link.bytesPerMs * (1 - loss), sustained),
  };
}

/** An id for the device at this place in a file: ids of plans must be 32 hex digits, and files number their devices. */
export const deviceIdAt = (index: number): PeerId => asPeerId((index + 1).toString(16).padStart(32, '0'));

const REQUESTER_ID = asPeerId('f'.repeat(32));

/** The devices of a file as the planner sees them, in the order of the file. */
export function buildWorld({ devices, requester, links }: DevicesSpec): World {
  const ids = new Map<PeerId, DeviceSpec>(devices.map((device, index) => [deviceIdAt(index), device]));
  const requesterId = typeof requester === 'number' ? deviceIdAt(requester) : REQUESTER_ID;
  const sender = typeof requester === 'number' ? devices[requester]! : requester;
  ids.set(requesterId, sender);
  const known = new Map<string, LinkProfile>();
  return {
    requester: { id: requesterId, transport: sender.profile.transport },
    devices: devices.map((device, index): Device => ({
      id: deviceIdAt(index),
      name: device.name,
      profile: device.profile,
      memoryBytes: device.memoryBytes,
      accuracy: 'f32',
      ...(device.watts ? { watts: device.watts } : {}),
    })),
    link: (from, to) => {
      const key = `${from}${to}`;
      let link = known.get(key);
      if (!link) {
        const ends = [from, to].map((id) => ({ ...ids.get(id)!, isRequester: id === requesterId }));
        link = linkBetween(ends[0]!, ends[1]!, links);
        known.set(key, link);
      }
      return link;
    },
  };
}

type End = DeviceSpec & { readonly isRequester: boolean };

function linkBetween(from: End, to: End, links: readonly LinkEntry[]): LinkProfile {
  let rateMbit = Math.min(from.rateMbit, to.rateMbit);
  let delayMs = from.delayMs + to.delayMs;
  let loss = 1 - (1 - from.loss) * (1 - to.loss);
  for (const { between, ...override } of links) {
    const [one, other] = between;
    const fits = (isNamed(from, one) && isNamed(to, other)) || (isNamed(from, other) && isNamed(to, one));
    if (!fits) continue;
    rateMbit = override.rateMbit ?? rateMbit;
    delayMs = override.delayMs ?? delayMs;
    loss = override.loss ?? loss;
  }
  return lossyLink({ roundTripMs: 2 * delayMs, bytesPerMs: rateMbit * 125 }, loss);
}

const isNamed = (end: End, name: string): boolean =>
  end.name === name || end.group === name || (end.isRequester && name === 'requester');
