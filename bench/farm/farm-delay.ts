import * as v from 'valibot';
import { systemClock } from '../../src/mesh/system-clock.ts';
import type { OpenRtc } from '../../src/transport/rtc.ts';
import { openRtcNode } from '../../src/transport/simple-peer-node.ts';
import type { FarmDevice } from './description.ts';
import { delayedRtc, type Delay } from './delayed-link.ts';

/** By which a farm's own programs are told of their device's delay; the product knows nothing of it. */
const VARIABLE = 'PEERCEPTRON_FARM_DELAY';
const delaySchema = v.strictObject({ delayMs: v.number(), jitterMs: v.number(), seed: v.number() });

export const hasDelay = ({ delayMs = 0, jitterMs = 0 }: Partial<Delay>): boolean => delayMs + jitterMs > 0;

/** For the environment of a program on that device; `seed`: of its jitter. */
export function delayEnvironment(device: FarmDevice, seed: number): Readonly<Record<string, string>> {
  if (!hasDelay(device)) return {};
  const { delayMs = 0, jitterMs = 0 } = device;
  return {
    [VARIABLE]: JSON.stringify({ delayMs, jitterMs, seed } satisfies v.InferOutput<typeof delaySchema>),
  };
}

/** WebRTC with the delay that this process was told of, if any. */
export function openRtcOfDevice(): OpenRtc {
  const told = process.env[VARIABLE];
  if (told === undefined) return openRtcNode;
  return delayedRtc(openRtcNode, v.parse(delaySchema, JSON.parse(told)), systemClock);
}
