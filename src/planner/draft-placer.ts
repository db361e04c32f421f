import type { Codec } from './codec.ts';
import { workMs } from './cost-model.ts';
import { layLane, type Draft, type DraftLane, type DraftSegment, type Laid, type LaidLane } from './draft.ts';
import type { LaidTile } from './draft.ts';
import { Routes, type PlacedPlan, type PlacedSegment, type PlacedTile } from './placed-plan.ts';
import type { Places } from './places.ts';
import { layoutKey, type SearchSpace } from './search-space.ts';

export interface PlacerContext {
  readonly space: SearchSpace;
  readonly places: Places;
  /** Place of each device. */
  readonly placeOf: readonly number[];
  readonly codec: Codec;
}

/** A draft with what it takes to simulate it. */
export interface PlacedDraft {
  readonly laid: Laid;
  readonly placed: PlacedPlan;
}

interface KnownLane {
  /** Short, and its own. */
  readonly name: number;
  readonly laid: readonly LaidTile[];
  readonly placed: readonly PlacedTile[];
}

interface KnownSegment {
  readonly name: string;
  readonly laid: readonly LaidLane[];
  readonly placed: PlacedSegment;
}

/** Places drafts on devices. A step of a search changes little of a draft: the rest of it is known. */
export class DraftPlacer {
  /** Between all that was placed here. */
  readonly routes: Routes;
  readonly #context: PlacerContext;
  readonly #plan: Omit<PlacedPlan, 'segments'>;
  readonly #lanes = new Map<string, KnownLane | undefined>();
  readonly #segments = new WeakMap<DraftSegment, KnownSegment | 'impossible'>();

  constructor(context: PlacerContext) {
    this.#context = context;
    const { graph } = context.space;
    const inputCodecs = new Map(graph.inputs.map(({ id }) => [id, context.codec]));
    this.#plan = { graph, inputCodecs };
    this.routes = new Routes(this.#plan);
  }

  /** Equal for equal drafts; `undefined` where some ops cannot be cut like that. */
  nameOf(draft: Draft): string | undefined {
    let name = '';
    for (const segment of draft) {
      const known = this.#segment(segment);
      if (!known) return undefined;
      name += known.name;
    }
    return name;
  }

  /** Only of drafts that have a name. */
  place(draft: Draft): PlacedDraft {
    const segments = draft.map((segment) => this.#segment(segment)!);
    return {
      laid: segments.map(({ laid }) => laid),
      placed: { ...this.#plan, segments: segments.map(({ placed }) => placed) },
    };
  }

  #segment(segment: DraftSegment): KnownSegment | undefined {
    let known = this.#segments.get(segment);
    if (!known) this.#segments.set(segment, (known = this.#placeSegment(segment) ?? 'impossible'));
    return known === 'impossible' ? undefined : known;
  }

  #placeSegment(segment: DraftSegment): KnownSegment | undefined {
    let name = ';';
    const laid: LaidLane[] = [];
    const lanes: PlacedSegment['lanes'][number][] = [];
    for (const lane of segment.lanes) {
      const known = this.#lane(segment, lane);
      if (!known) return undefined;
      const { share } = lane;
      name += `${known.name}*${share} `;
      laid.push({ share, tiles: known.laid });
      lanes.push({ share, tiles: known.placed });
    }
    return { name, laid, placed: { ops: [segment.start, segment.end], lanes } };
  }

  #lane(segment: DraftSegment, lane: DraftLane): KnownLane | undefined {
    const key = `${segment.start}-${segment.end}@${lane.devices.join()}:${layoutKey(lane.layout)}`;
    if (this.#lanes.has(key)) return this.#lanes.get(key);
    const laid = layLane(this.#context.space, segment, lane);
    const known = laid && { name: this.#lanes.size, laid, placed: laid.map((tile) => this.#placeTile(tile)) };
    this.#lanes.set(key, known);
    return known;
  }

  #placeTile({ device, cost }: LaidTile): PlacedTile {
    const { places, placeOf, codec } = this.#context;
    const place = placeOf[device]!;
    const profile = places.places[place]!.profile!;
    return {
      place,
      computeMs: cost.computes ? profile.tileMs + workMs(cost.work, profile) : 0,
      inputs: cost.inputs,
      outputs:
        codec === 'f32' || cost.reduce ? cost.outputs : cost.outputs.map((output) => ({ ...output, codec })),
      ...(cost.reduce && !cost.computes ? { silent: true } : {}),
    };
  }
}
