import { OP_CLASSES, PROFILE_VERSION, type ClassRate, type DeviceProfile, type OpClass } from './profile.ts';

/** A kind of device as it stands in many rooms, for plans and simulations without the device itself. */
export interface DevicePreset {
  /** For people. */
  readonly title: string;
  readonly profile: DeviceProfile;
  /** What it offers: half of its memory, as `join` does; 0.5 GB where a browser would be ended for taking more. */
  readonly memoryBytes: number;
  readonly watts: { readonly idle: number; readonly busy: number };
  /** Its connection to the room; the device's transport profile carries the same rate. */
  readonly link: { readonly mbitPerSecond: number; readonly delayMs: number };
}

export type PresetName = 'pi3' | 'pi4' | 'pi5' | 'tx2' | 'phone' | 'laptop';

const rate = (stepMs: number, msPerMac: number, msPerByte: number): ClassRate => ({
  stepMs,
  msPerMac,
  msPerByte,
});

/*
 * docs/planning.md, "Presets", says for every figure where it comes from, and which ones are estimates. In short: `pi3`
 * is fitted to the layer times that arXiv:1901.02537 gives for VGG16; `pi4`, `pi5` and `tx2` are that profile divided by
 * published ratios; `laptop` has the speeds of our own kernels on x86-64; `phone` is an estimate throughout but for its
 * order of magnitude.
 */

/**
 * Raspberry Pi 3 B, four cores, TensorFlow 1.5: least squares over VGG16's published layers, with a cost per call
 * (`PI3_CALL`) that belongs to their software and is not part of the profile.
 */
const PI3_RATES: Readonly<Record<OpClass, ClassRate>> = {
  conv: rate(0.3, 3.46e-7, 0),
  pointwise: rate(0.3, 3.46e-7, 0),
  // So that Xception's convolutions take the published 3.95 s together with the rates above.
  depthwise: rate(0.3, 3.5e-6, 4.9e-6),
  dense: rate(0.3, 0, 1.06e-6),
  pool: rate(0.3, 0, 1.372e-5),
  elementwise: rate(0.3, 0, 3.6e-6),
};

/** What each timed layer of the published measurements took beside its kernel: per call, and per byte that it reads and makes. */
export const PI3_CALL = { ms: 44, msPerByte: 1.19e-5 };

/** The same engine on a processor that is `factor` times as fast. */
function faster(rates: Readonly<Record<OpClass, ClassRate>>, factor: number): Record<OpClass, ClassRate> {
  const scaled = OP_CLASSES.map((name) => {
    const { stepMs, msPerMac, msPerByte } = rates[name];
    return [name, rate(stepMs / factor, msPerMac / factor, msPerByte / factor)] as const;
  });
  return Object.fromEntries(scaled) as Record<OpClass, ClassRate>;
}

interface PresetFigures {
  readonly title: string;
  readonly engine: string;
  readonly cores: number;
  readonly rates: Readonly<Record<OpClass, ClassRate>>;
  /** How many times longer one core takes for what moves tensors than the x86-64 core that it was measured on. */
  readonly coreSlowness: number;
  readonly memoryBytes: number;
  readonly watts: DevicePreset['watts'];
  readonly link: DevicePreset['link'];
}

/** One core of x86-64: per tile and byte of it, per piece, and per byte at either end (9 CPU seconds per GB for both together). */
const TRANSPORT = { tileMs: 0.2, tileMsPerByte: 1e-7, pieceMs: 0.15, msPerByte: 4.5e-6 };

export const bytesPerMs = (mbitPerSecond: number): number => mbitPerSecond * 125;

function preset(figures: PresetFigures): DevicePreset {
  const { title, engine, cores, rates, coreSlowness, memoryBytes, watts, link } = figures;
  const bytes = bytesPerMs(link.mbitPerSecond);
  return {
    title,
    memoryBytes,
    watts,
    link,
    profile: {
      version: PROFILE_VERSION,
      engine,
      cores,
      rates,
      tileMs: TRANSPORT.tileMs * coreSlowness,
      tripMs: TRANSPORT.tileMs * coreSlowness,
      tileMsPerByte: TRANSPORT.tileMsPerByte * coreSlowness,
      transport: {
        pieceMs: TRANSPORT.pieceMs * coreSlowness,
        sendMsPerByte: TRANSPORT.msPerByte * coreSlowness,
        receiveMsPerByte: TRANSPORT.msPerByte * coreSlowness,
        uplinkBytesPerMs: bytes,
        downlinkBytesPerMs: bytes,
      },
    },
  };
}

/** XNNPACK's four networks on Pi 3 B+ and Pi 4, geometric mean 1.65, times 1.4 GHz / 1.2 GHz from B+ to B. */
const PI4_OVER_PI3 = 1.92;
/** High-performance Linpack: 30.249 over 11.433 GFLOP/s (at 1.5 GHz). */
const PI5_OVER_PI4 = 30.249 / 11.433;
/** VGG16 (without the Pi's swapping) and AlexNet, published side by side: geometric mean of 4.4 and 2.9. */
const TX2_OVER_PI3 = 3.6;

export const DEVICE_PRESETS: Readonly<Record<PresetName, DevicePreset>> = {
  pi3: preset({
    title: 'Raspberry Pi 3 B, 2.4 GHz Wi-Fi',
    engine: 'TensorFlow 1.5, 4 cores',
    cores: 4,
    rates: PI3_RATES,
    coreSlowness: 8,
    memoryBytes: 0.5e9,
    watts: { idle: 1.3, busy: 6.5 },
    link: { mbitPerSecond: 40, delayMs: 2 },
  }),
  pi4: preset({
    title: 'Raspberry Pi 4, 5 GHz Wi-Fi',
    engine: 'as pi3, 1.9 times as fast',
    cores: 4,
    rates: faster(PI3_RATES, PI4_OVER_PI3),
    coreSlowness: 4,
    memoryBytes: 2e9,
    watts: { idle: 3, busy: 7.2 },
    link: { mbitPerSecond: 100, delayMs: 1.5 },
  }),
  pi5: preset({
    title: 'Raspberry Pi 5, 5 GHz Wi-Fi',
    engine: 'as pi3, 5.1 times as fast',
    cores: 4,
    rates: faster(PI3_RATES, PI4_OVER_PI3 * PI5_OVER_PI4),
    coreSlowness: 1.6,
    memoryBytes: 4e9,
    watts: { idle: 3, busy: 11 },
    link: { mbitPerSecond: 100, delayMs: 1.5 },
  }),
  tx2: preset({
    title: 'Jetson TX2, processor only, 5 GHz Wi-Fi',
    engine: 'as pi3, 3.6 times as fast',
    cores: 6,
    rates: faster(PI3_RATES, TX2_OVER_PI3),
    coreSlowness: 3,
    memoryBytes: 4e9,
    watts: { idle: 3, busy: 10 },
    link: { mbitPerSecond: 100, delayMs: 1.5 },
  }),
  phone: preset({
    title: 'Phone of the middle class, browser, 5 GHz Wi-Fi',
    engine: 'wasm, 1 core',
    cores: 8,
    rates: {
      conv: rate(0.1, 3.1e-7, 0),
      pointwise: rate(0.1, 3.1e-7, 0),
      depthwise: rate(0.1, 1.2e-6, 4e-7),
      dense: rate(0.1, 0, 2e-7),
      pool: rate(0.1, 0, 8e-7),
      elementwise: rate(0.1, 0, 6e-7),
    },
    coreSlowness: 3,
    memoryBytes: 0.5e9,
    watts: { idle: 1, busy: 4 },
    link: { mbitPerSecond: 150, delayMs: 1.5 },
  }),
  laptop: preset({
    title: 'Laptop, 5 GHz Wi-Fi',
    engine: 'wasm, 1 core',
    cores: 8,
    rates: {
      conv: rate(0.05, 4e-8, 0),
      pointwise: rate(0.05, 4.4e-8, 0),
      depthwise: rate(0.05, 3e-7, 1e-7),
      dense: rate(0.05, 0, 6e-8),
      pool: rate(0.05, 0, 2.5e-7),
      elementwise: rate(0.05, 0, 2e-7),
    },
    coreSlowness: 1,
    memoryBytes: 4e9,
    watts: { idle: 5, busy: 20 },
    link: { mbitPerSecond: 300, delayMs: 1.5 },
  }),
};

export const PRESET_NAMES = Object.keys(DEVICE_PRESETS) as readonly PresetName[];

export const isPresetName = (name: string): name is PresetName => Object.hasOwn(DEVICE_PRESETS, name);
