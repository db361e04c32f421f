import { boxSize, isEmpty, type Box } from '../../graph/box.ts';
import { encodedBytes } from '../../planner/codec.ts';
import { compilePlan, type CompiledPlan } from '../../planner/compiled-plan.ts';
import { programWeightBytes } from '../../planner/memory.ts';
import type { PeerId } from '../../shared/ids.ts';
import type { ShownNetwork } from '../session-work.ts';
import { tileKey, type AskedSession } from './asked-state.ts';
import type { Strip, StripOp } from './strip.ts';

/** What one device does for one op. */
export interface OpShare {
  readonly peer: PeerId;
  /** What it computes of the op's output; partial sums are of all of it. */
  readonly box: Box;
  readonly isPartialSum: boolean;
  /** Of the tile that the op belongs to. */
  readonly ops: readonly [start: number, end: number];
  readonly weightBytes: number;
  /** To other devices per frame, where the op ends its tile. */
  readonly sentBytes?: number;
  /** Of the tile's engine time, as the planner expects and as it was measured lately. */
  readonly expectedMs?: number;
  readonly measuredMs?: number;
}

export interface OpDetails {
  readonly op: StripOp;
  readonly shares: readonly OpShare[];
}

type Timed = Partial<Pick<AskedSession, 'prediction' | 'tileMs'>>;

/** All that there is to say of one op of a plan. Keeps what it has derived from the plan: reading on costs little. */
export class OpReader {
  readonly #compiled: CompiledPlan;
  readonly #requester: PeerId | undefined;

  constructor({ graph, plan }: ShownNetwork, requester?: PeerId) {
    this.#compiled = compilePlan(graph, plan);
    this.#requester = requester;
  }

  read({ ops, bands }: Strip, index: number, { prediction, tileMs }: Timed = {}): OpDetails {
    const op = ops[index]!;
    const shares = bands
      .filter(({ ops: [start, end] }) => start <= index && index < end)
      .flatMap(({ segment, lane, tile, peer, ops: run }): OpShare[] => {
        const program = this.#compiled.program(segment, lane, tile);
        const step = program.steps.find(({ node }) => node === op.id);
        // Nobody needs this op for what the tile makes.
        if (!step || isEmpty(step.output)) return [];
        const simulated = prediction?.timeline.find(
          (other) => other.segment === segment && other.lane === lane && other.tile === tile,
        );
        const measuredMs = tileMs?.get(tileKey(segment, lane, tile));
        const isLast = index === run[1] - 1;
        return [
          {
            peer,
            box: step.output,
            isPartialSum: step.reduce !== undefined,
            ops: run,
            weightBytes: programWeightBytes(program),
            ...(isLast ? { sentBytes: this.#sentBytes(segment, lane, tile, peer) } : {}),
            ...(simulated ? { expectedMs: simulated.endMs - simulated.startMs } : {}),
            ...(measuredMs === undefined ? {} : { measuredMs }),
          },
        ];
      });
    return { op, shares };
  }

  /** By the first lane of all other segments: frames that take others move about as much. */
  #sentBytes(segment: number, lane: number, tile: number, peer: PeerId): number {
    const { plan } = this.#compiled;
    const lanes = plan.segments.map((_, index) => (index === segment ? lane : 0));
    let bytes = 0;
    for (const { segment: to, tile: toTile, region, codec } of this.#compiled.deliveries(
      lanes,
      segment,
      tile,
    )) {
      const consumer =
        to === plan.segments.length ? this.#requester : this.#compiled.tile(to, lanes[to]!, toTile).peer;
      if (consumer !== peer) bytes += encodedBytes(codec, region);
    }
    return bytes;
  }
}

/** Of the box, float32: what the op makes on this device. */
export const boxBytes = (box: Box): number => 4 * boxSize(box);
