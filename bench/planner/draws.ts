import { DEVICE_PRESETS } from '../../src/planner/device-presets.ts';
import type { Shape } from '../../src/graph/box.ts';
import type { Graph } from '../../src/graph/graph.ts';
import { GraphBuilder, type Value } from '../../src/graph/graph-builder.ts';
import { foldBatchNorm } from '../../src/graph/fold.ts';
import { simplify } from '../../src/graph/simplify.ts';
import { NETWORKS, type NetworkName } from '../../src/models/presets.ts';
import {
  OP_CLASSES,
  type ClassRate,
  type OpClass,
  type TransportProfile,
} from '../../src/planner/profile.ts';
import type { Device, World } from '../../src/planner/world.ts';
import { asPeerId, type PeerId } from '../../src/shared/ids.ts';
import type { Random } from '../../src/shared/random.ts';

/** As a model is loaded: simplified, batch norms folded. */
export const prepared = (network: NetworkName): Graph => foldBatchNorm(simplify(NETWORKS[network]())).graph;

export const peerOf = (index: number): PeerId => asPeerId(index.toString(16).padStart(32, '0'));

/** Published layer times of a Raspberry Pi 3, without what their software took per call. */
const PI3 = DEVICE_PRESETS.pi3.profile;

export interface DeviceDraw {
  /** Times a Pi 3. */
  readonly speed: number;
  readonly mbits: number;
  readonly roundTripMs: number;
  readonly memoryBytes: number;
  /** Per op class, around 1. */
  readonly mix?: readonly number[];
}

const transportOf = (speed: number, mbits: number): TransportProfile => ({
  pieceMs: PI3.transport.pieceMs / speed,
  sendMsPerByte: PI3.transport.sendMsPerByte / speed,
  receiveMsPerByte: PI3.transport.receiveMsPerByte / speed,
  uplinkBytesPerMs: mbits * 125,
  downlinkBytesPerMs: mbits * 125,
});

function deviceOf(id: PeerId, { speed, mbits, memoryBytes, mix }: DeviceDraw): Device {
  const rates = Object.fromEntries(
    OP_CLASSES.map((name, index) => {
      const factor = 1 / (speed * (mix?.[index] ?? 1));
      const { stepMs, msPerMac, msPerByte } = PI3.rates[name];
      return [name, { stepMs: stepMs * factor, msPerMac: msPerMac * factor, msPerByte: msPerByte * factor }];
    }),
  ) as Record<OpClass, ClassRate>;
  const profile = {
    ...PI3,
    engine: 'simulated',
    rates,
    tileMs: PI3.tileMs / speed,
    tripMs: PI3.tripMs / speed,
    tileMsPerByte: PI3.tileMsPerByte / speed,
    transport: transportOf(speed, mbits),
  };
  return { id, name: `device ${id.slice(-2)}`, profile, memoryBytes, accuracy: 'f32' };
}

/** A requester that does not compute, as fast as the fastest device; links are as fast as their slower end, and as far as both ends. */
export function worldOf(draws: readonly DeviceDraw[], requester?: DeviceDraw): World {
  const devices = draws.map((draw, index) => deviceOf(peerOf(index + 1), draw));
  const asker = requester ?? { speed: 8, mbits: 300, roundTripMs: 2 };
  const ends = new Map<PeerId, { readonly mbits: number; readonly roundTripMs: number }>([
    [peerOf(0), asker],
  ]);
  for (const [index, { id }] of devices.entries()) ends.set(id, draws[index]!);
  return {
    requester: { id: peerOf(0), transport: transportOf(asker.speed, asker.mbits) },
    devices,
    link: (from, to) => {
      const [a, b] = [ends.get(from)!, ends.get(to)!];
      return {
        roundTripMs: (a.roundTripMs + b.roundTripMs) / 2,
        bytesPerMs: Math.min(a.mbits, b.mbits) * 125,
      };
    },
  };
}

/** Evenly over orders of magnitude. */
export const spread = (random: Random, low: number, high: number): number =>
  low * (high / low) ** random.next();

/** 1–8 × a Pi 3, 10–300 Mbit/s, 2–40 ms, 0.25–4 GB. */
export const drawDevice = (random: Random): DeviceDraw => ({
  speed: spread(random, 1, 8),
  mbits: spread(random, 10, 300),
  roundTripMs: spread(random, 2, 40),
  memoryBytes: spread(random, 0.25e9, 4e9),
  mix: OP_CLASSES.map(() => spread(random, 0.83, 1.2)),
});

/** A chain of 2 to 6 ops: convolutions, pools, activations, a dense layer at the end or none. */
export function drawSmallNet(random: Random): Graph {
  const builder = new GraphBuilder();
  const pick = <T>(values: readonly T[]): T => values[random.integer(values.length)]!;
  const shape: Shape = [pick([16, 24, 32]), pick([16, 24, 32]), pick([3, 8, 16, 32])];
  let value: Value = builder.input('in', shape);
  const count = 2 + random.integer(5);
  for (let op = 0; op < count; op++) {
    const name = `op${op}`;
    const roll = random.next();
    const size = pick([1, 3, 3, 5]);
    const [height, width] = value.shape;
    if (value.shape.length === 1) {
      value = builder.op(name, { kind: 'dense', units: pick([16, 64, 256]) }, [value], name, {
        kernel: `${name}/kernel`,
      });
    } else if (roll < 0.55) {
      const pad = (size - 1) / 2;
      const padding = [[pad, pad], [pad, pad]] as const; // prettier-ignore
      const outChannels = pick([8, 16, 32, 64]);
      value = builder.op(
        name,
        {
          kind: 'conv',
          kernelSize: [size, size],
          strides: [1, 1],
          dilations: [1, 1],
          padding,
          groups: 1,
          outChannels,
        },
        [value],
        name,
        { kernel: `${name}/kernel` },
      );
    } else if (roll < 0.7 && height! > 4 && width! > 4) {
      const padding = [[0, 0], [0, 0]] as const; // prettier-ignore
      value = builder.op(
        name,
        { kind: 'max-pool', poolSize: [2, 2], strides: [2, 2], padding },
        [value],
        name,
      );
    } else if (roll < 0.85 || op < count - 2) {
      value = builder.op(name, { kind: 'activation', function: 'relu' }, [value], name);
    } else {
      value = builder.op(name, { kind: 'dense', units: pick([16, 64, 256]) }, [value], name, {
        kernel: `${name}/kernel`,
      });
    }
  }
  return builder.graph('small', [value]);
}
