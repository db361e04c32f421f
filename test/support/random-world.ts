import { OP_CLASSES, type ClassRate, type DeviceProfile, type OpClass } from '../../src/planner/profile.ts';
import type { Device, World } from '../../src/planner/world.ts';
import type { PeerId } from '../../src/shared/ids.ts';
import type { Random } from '../../src/shared/random.ts';
import { peerIdOf } from './memory-network.ts';

/** About a Raspberry Pi 3: what the paper's authors measured of VGG16's layers. */
const BASE_RATES: Readonly<Record<OpClass, ClassRate>> = {
  conv: { stepMs: 0.2, msPerMac: 3.8e-7, msPerByte: 4e-6 },
  pointwise: { stepMs: 0.2, msPerMac: 3.8e-7, msPerByte: 4e-6 },
  depthwise: { stepMs: 0.2, msPerMac: 1.5e-6, msPerByte: 6e-6 },
  dense: { stepMs: 0.1, msPerMac: 2e-7, msPerByte: 1.6e-6 },
  pool: { stepMs: 0.1, msPerMac: 2e-6, msPerByte: 4e-6 },
  elementwise: { stepMs: 0.05, msPerMac: 5e-7, msPerByte: 1e-6 },
};

export interface DeviceDraw {
  /** Times the base device, of compute; one factor per op class may differ from it by a fifth. */
  readonly speed: number;
  readonly linkMbits: number;
  /** Of the way to anybody and back, this device's half of it. */
  readonly roundTripMs: number;
  readonly memoryBytes: number;
  readonly mix?: readonly number[];
}

export function deviceOf(id: PeerId, draw: DeviceDraw): Device {
  const { speed, linkMbits, memoryBytes, mix } = draw;
  const rates = Object.fromEntries(
    OP_CLASSES.map((name, index) => {
      const factor = 1 / (speed * (mix?.[index] ?? 1));
      const { stepMs, msPerMac, msPerByte } = BASE_RATES[name];
      const scaled = { stepMs: stepMs * factor, msPerMac: msPerMac * factor, msPerByte: msPerByte * factor };
      return [name, scaled];
    }),
  ) as Record<OpClass, ClassRate>;
  const bytesPerMs = linkMbits * 125;
  const profile: DeviceProfile = {
    version: 1,
    engine: 'test',
    cores: 4,
    rates,
    tileMs: 1 / speed,
    tripMs: 0.6 / speed,
    tileMsPerByte: 1e-7 / speed,
    transport: {
      pieceMs: 0.6 / speed,
      sendMsPerByte: 1.2e-5 / speed,
      receiveMsPerByte: 1.2e-5 / speed,
      uplinkBytesPerMs: bytesPerMs,
      downlinkBytesPerMs: bytesPerMs,
    },
  };
  return { id, name: id.slice(-4), profile, memoryBytes, accuracy: 'f32' };
}

export interface WorldDraw {
  readonly devices: readonly DeviceDraw[];
  /** Of the requester, which does not compute. */
  readonly requester?: { readonly linkMbits: number; readonly roundTripMs: number };
}

/** Peer 0 asks, peers from 1 up compute. A link is as fast as its slower end, and as far as both ends are from their router. */
export function worldOf({ devices: draws, requester }: WorldDraw): World {
  const asker = requester ?? { linkMbits: 300, roundTripMs: 2 };
  const devices = draws.map((draw, index) => deviceOf(peerIdOf(index + 1), draw));
  const ends = new Map([
    [peerIdOf(0), asker],
    ...devices.map(({ id }, index) => [id, draws[index]!] as const),
  ]);
  const bytesPerMs = asker.linkMbits * 125;
  return {
    requester: {
      id: peerIdOf(0),
      transport: {
        pieceMs: 0.1,
        sendMsPerByte: 4e-6,
        receiveMsPerByte: 4e-6,
        uplinkBytesPerMs: bytesPerMs,
        downlinkBytesPerMs: bytesPerMs,
      },
    },
    devices,
    link: (from, to) => {
      const a = ends.get(from)!;
      const b = ends.get(to)!;
      return {
        roundTripMs: (a.roundTripMs + b.roundTripMs) / 2,
        bytesPerMs: Math.min(a.linkMbits, b.linkMbits) * 125,
      };
    },
  };
}

/** Evenly over orders of magnitude. */
const spread = (random: Random, low: number, high: number): number => low * (high / low) ** random.next();

/** Devices of a household: 1 to 8 times a Pi 3, 10 to 300 Mbit/s, 2 to 40 ms, 0.25 to 4 GB. */
export function drawDevice(random: Random): DeviceDraw {
  return {
    speed: spread(random, 1, 8),
    linkMbits: spread(random, 10, 300),
    roundTripMs: spread(random, 2, 40),
    memoryBytes: spread(random, 0.25e9, 4e9),
    mix: OP_CLASSES.map(() => spread(random, 0.83, 1.2)),
  };
}
