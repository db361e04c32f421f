/**
 * Kinds of work whose speeds differ between devices and engines. `conv` has filters of several places, `pointwise` of one;
 * both may have groups, unless each channel is one: `depthwise`.
 */
export const OP_CLASSES = ['conv', 'pointwise', 'depthwise', 'dense', 'pool', 'elementwise'] as const;
export type OpClass = (typeof OP_CLASSES)[number];

/**
 * A step of a tile takes `stepMs + macs · msPerMac + bytes · msPerByte`. `cost-model.ts` says what counts as a
 * multiply-accumulate and as a byte: in `pool` every element of every window, in `elementwise` every exponential, root or
 * division, and the bytes of every walk through the tensor.
 */
export interface ClassRate {
  readonly stepMs: number;
  readonly msPerMac: number;
  readonly msPerByte: number;
}

/** What moving tensors costs a device: time of the one thread that owns its connections, and what its radio or cable carries. */
export interface TransportProfile {
  /** Per piece, at either end, whatever its size. */
  readonly pieceMs: number;
  /** Encoding and sending; receiving and assembling. */
  readonly sendMsPerByte: number;
  readonly receiveMsPerByte: number;
  /** All that the device sends, and all that it receives, to whomever. */
  readonly uplinkBytesPerMs: number;
  readonly downlinkBytesPerMs: number;
}

/** What a device has measured of itself at join: how fast it computes and moves tensors. */
export interface DeviceProfile {
  /** Format and method: profiles of another version are measured anew. */
  readonly version: number;
  readonly engine: string;
  /** Logical processors; 1 where nobody says. */
  readonly cores: number;
  readonly rates: Readonly<Record<OpClass, ClassRate>>;
  /** Per tile that runs, whatever it computes: to the engine's thread and back, and what begins there. */
  readonly tileMs: number;
  /** Of `tileMs`, to the engine's thread and back: no longer for an engine that gets a part of the processor. */
  readonly tripMs: number;
  /** Of what a tile reads and makes: into the engine and out of it. */
  readonly tileMsPerByte: number;
  readonly transport: TransportProfile;
}

/** Raised whenever rates get another meaning, or measuring another method. */
export const PROFILE_VERSION = 5;

/** How fast a device is, in one number for people: multiply-accumulates per second in convolutions, memory left aside. */
export const macsPerSecond = ({ rates }: DeviceProfile): number | undefined =>
  rates.conv.msPerMac > 0 ? 1000 / rates.conv.msPerMac : undefined;
