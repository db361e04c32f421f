import type { Device, MissingFeature } from './peer-state.ts';

/** What the page looks at to describe the device it runs on: parts of `navigator` and `window`. */
export interface BrowserFacts {
  readonly userAgent: string;
  /** GiB, rounded and capped by the browser; only on secure pages, and not in every browser. */
  readonly deviceMemory?: number | undefined;
  readonly crossOriginIsolated: boolean;
  readonly hasWakeLock: boolean;
  /** Absent: it is. */
  readonly isSecureContext?: boolean;
}

const mega = 1e6;
/** A phone's tab is killed at about 1–1.5 GB in all. */
const mobileMemoryBytes = 500 * mega;
const unknownMemoryBytes = 1000 * mega;
/** wasm's heap ends at 4 GB, and weights are held twice while they are packed. */
const mostMemoryBytes = 2000 * mega;

export function describeDevice(facts: BrowserFacts): Device {
  const { userAgent } = facts;
  const system = firstMatch(userAgent, [
    [/Android/, 'Android'],
    [/iPhone/, 'iPhone'],
    [/iPad/, 'iPad'],
    [/CrOS/, 'ChromeOS'],
    [/Windows/, 'Windows'],
    [/Macintosh/, 'Mac'],
    [/Linux (aarch64|arm)/, 'Linux on Arm'],
    [/Linux/, 'Linux'],
  ]);
  const browser = firstMatch(userAgent, [
    [/Edg\//, 'Edge'],
    [/OPR\//, 'Opera'],
    [/SamsungBrowser\//, 'Samsung Internet'],
    [/Firefox\/|FxiOS\//, 'Firefox'],
    [/Chrome\/|CriOS\//, 'Chrome'],
    [/Safari\//, 'Safari'],
  ]);
  const missing: MissingFeature[] = [];
  if (facts.isSecureContext === false) missing.push('secure-context');
  if (!facts.crossOriginIsolated) missing.push('threads');
  if (!facts.hasWakeLock) missing.push('wake-lock');
  return {
    name: `${browser ?? 'Browser'} on ${system ?? 'an unknown system'}`,
    platform: system ?? 'unknown',
    memoryBytes: offeredMemory(facts),
    missing,
  };
}

/** A quarter of what the device has, within what a tab survives. */
function offeredMemory({ userAgent, deviceMemory }: BrowserFacts): number {
  if (/Android|iPhone|iPad|Mobile/.test(userAgent)) return mobileMemoryBytes;
  if (deviceMemory === undefined) return unknownMemoryBytes;
  return Math.min(mostMemoryBytes, Math.max(mobileMemoryBytes / 2, (deviceMemory * 1e9) / 4));
}

const firstMatch = (text: string, table: readonly (readonly [RegExp, string])[]): string | undefined =>
  table.find(([pattern]) => pattern.test(text))?.[1];
