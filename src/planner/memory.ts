import { boxSize, formatBox } from '../graph/box.ts';
import type { TileProgram } from '../graph/tile-program.ts';
import type { PeerId } from '../shared/ids.ts';
import type { CompiledPlan } from './compiled-plan.ts';

const FLOAT_BYTES = 4;
/**
 * What is set aside for a weight: once for the buffer that it arrives in, once on the engine. Engines without kernels of
 * our own (GPUs, wasm without SIMD) may keep a raw and a packed copy for good.
 */
const WEIGHT_COPIES = 2;

export interface PeerMemory {
  /** Weight slices as they travel: those that several tiles of the peer share, once. */
  readonly weightBytes: number;
  /** Input buffers for every frame in flight, and the intermediates of the one that is computed. */
  readonly activationBytes: number;
  readonly totalBytes: number;
}

export function programWeightBytes(program: TileProgram): number {
  return program.weights.reduce((sum, { box }) => sum + boxSize(box), 0) * FLOAT_BYTES;
}

/** Of several tiles on one peer: a slice that more than one of them needs counts once. */
export function distinctWeightBytes(programs: readonly TileProgram[]): number {
  const slices = new Map<string, number>();
  for (const { weights } of programs) {
    for (const { name, box } of weights) slices.set(`${formatBox(box)} ${name}`, boxSize(box));
  }
  return [...slices.values()].reduce((sum, size) => sum + size, 0) * FLOAT_BYTES;
}

export function programInputBytes(program: TileProgram): number {
  return program.inputs.reduce((sum, { box }) => sum + boxSize(box), 0) * FLOAT_BYTES;
}

function programWorkBytes(program: TileProgram): number {
  return program.steps.reduce((sum, { output }) => sum + boxSize(output), 0) * FLOAT_BYTES;
}

/** What the plan takes on each peer with `window` frames in flight. */
export function memoryPerPeer(compiled: CompiledPlan, window: number): Map<PeerId, PeerMemory> {
  const result = new Map<PeerId, PeerMemory>();
  for (const peer of compiled.peers) {
    const programs: TileProgram[] = [];
    let heldBytes = 0;
    let inputBytes = 0;
    let workBytes = 0;
    for (const { segment, lane, tile } of compiled.tilesOf(peer)) {
      const program = compiled.program(segment, lane, tile);
      programs.push(program);
      // Engines on a GPU hold a copy per tile; the others hold equal weights once.
      heldBytes += programWeightBytes(program);
      inputBytes += programInputBytes(program);
      workBytes = Math.max(workBytes, programWorkBytes(program));
    }
    const activationBytes = inputBytes * window + workBytes;
    result.set(peer, {
      weightBytes: distinctWeightBytes(programs),
      activationBytes,
      totalBytes: heldBytes * WEIGHT_COPIES + activationBytes,
    });
  }
  return result;
}
