import { loadModel, type LoadedModel } from '../import/load-model.ts';
import type { Mesh } from '../mesh/mesh.ts';
import { pixelInput } from '../models/image-encoding.ts';
import type { Capabilities } from '../protocol/messages.ts';
import type { AdaptiveSessionEvent } from '../runtime/adaptive-options.ts';
import type { FrameInput } from '../runtime/frame-input.ts';
import { runInOrder } from '../runtime/frame-stream.ts';
import type { RuntimeNode } from '../runtime/runtime-node.ts';
import { topPredictions } from '../runtime/whole-model.ts';
import type { Clock } from '../shared/clock.ts';
import { unreachable } from '../shared/errors.ts';
import { median } from '../shared/median.ts';
import type { RandomBytes } from '../shared/random.ts';
import type { ByteSource } from '../weights/byte-source.ts';
import { digitSamples } from './digit-samples.ts';
import { gatherRoom } from './gather-room.ts';
import { LoadProgress } from './load-progress.ts';
import type { AskedEvent } from './network-view/asked-state.ts';
import { PageSession, type PageSessionOptions } from './page-session.ts';
import { trialPlan } from './trial-plan.ts';
import type { TrialEvent, TrialMeasured } from './trial-state.ts';
import type { RoomAsker } from './trial.ts';

export interface RoomAskerOptions {
  readonly mesh: Mesh;
  /** This device serves on it, and is a candidate like any other. */
  readonly node: RuntimeNode;
  /** What this device says of itself to others, now. */
  readonly capabilities: () => Capabilities;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  /** Folder of the model, its pictures in `samples` within. */
  readonly modelUrl: string;
  readonly open: (url: string) => ByteSource;
  /** A picture as RGBA of that size; rejects with INPUT_INVALID. */
  readonly readPixels: (url: string, width: number, height: number) => Promise<Uint8ClampedArray>;
  readonly dispatch: (event: TrialEvent) => void;
  /** See `PageSession`. */
  readonly transport: PageSessionOptions['transport'];
  readonly askPlanner: PageSessionOptions['askPlanner'];
  readonly onAsked: (event: AskedEvent) => void;
}

/** Its session, too, for views that look into it. */
export interface PageRoomAsker extends RoomAsker {
  readonly page: PageSession;
}

/** The pictures are asked for so many times in a row to see a rate. */
const RATE_ROUNDS = 4;
/** A rate, or a median, of fewer frames would mean nothing. */
const LEAST_FRAMES = 6;

/** The digit model, planned over the room and loaded. Rejects with what `loadModel` and `openPlannedSession` reject with. */
export async function openRoomAsker(options: RoomAskerOptions): Promise<PageRoomAsker> {
  const { mesh, clock, dispatch, modelUrl, open } = options;
  const [model] = await Promise.all([loadModel(modelUrl, { open }), gatherRoom(mesh, clock)]);
  dispatch({ type: 'doing', doing: { step: 'planning' } });
  const asker = new Asker(options, model);
  await asker.page.open();
  return asker;
}

class Asker implements PageRoomAsker {
  readonly #options: RoomAskerOptions;
  readonly #model: LoadedModel;
  readonly #loading = new LoadProgress();
  readonly page: PageSession;
  #pictures: Promise<readonly Picture[]> | undefined;

  constructor(options: RoomAskerOptions, model: LoadedModel) {
    this.#options = options;
    this.#model = model;
    const { graph, weights } = model;
    this.page = new PageSession({
      ...options,
      model: { graph, weights },
      objective: { kind: 'latency' },
      dispatch: options.onAsked,
      onEvent: (event) => this.#follow(event),
      onPlan: () => this.#tellPlan(),
    });
  }

  async run(): Promise<TrialMeasured> {
    const { dispatch, clock } = this.#options;
    const { frames, session } = this.page;
    const pictures = await (this.#pictures ??= this.#readPictures());
    dispatch({ type: 'doing', doing: { step: 'asking' } });
    const alone: { readonly epoch: number; readonly latencyMs: number }[] = [];
    for (const { url, shown, input } of pictures) {
      const { plan, latencyMs, outputs } = await frames.run([input]);
      alone.push({ epoch: plan.epoch, latencyMs });
      const [best] = topPredictions(outputs[0]!, 1, this.#model.graph.labels);
      const answer = best!.label ?? String(best!.index);
      dispatch({ type: 'answered', answer: { url, shown, answer, score: best!.score } });
    }
    dispatch({ type: 'doing', doing: { step: 'rating' } });
    const done: { readonly epoch: number; readonly atMs: number }[] = [];
    const rounds = Array.from({ length: RATE_ROUNDS }, () => pictures).flat();
    for await (const { result } of runInOrder(frames, rounds, ({ input }) => [input])) {
      done.push({ epoch: result.plan.epoch, atMs: clock.now() });
    }
    // Frames of a plan before this one say nothing about it.
    const { epoch } = session.plan;
    const latenciesMs = alone.filter((frame) => frame.epoch === epoch).map(({ latencyMs }) => latencyMs);
    const counted = done.filter((frame) => frame.epoch === epoch).map(({ atMs }) => atMs);
    const spanMs = counted.length < LEAST_FRAMES ? 0 : counted.at(-1)! - counted[0]!;
    // What has just run can be looked at frame by frame.
    await this.page.takeTrace();
    return {
      ...(latenciesMs.length < LEAST_FRAMES ? {} : { latencyMs: median(latenciesMs) }),
      ...(spanMs > 0 ? { framesPerSecond: ((counted.length - 1) * 1000) / spanMs } : {}),
    };
  }

  async close(): Promise<void> {
    await this.page.close();
  }

  #follow(event: AdaptiveSessionEvent): void {
    switch (event.type) {
      case 'switching':
        this.#loading.clear();
        return;
      case 'loading': {
        const loaded = this.#loading.add(event.peer, event);
        this.#options.dispatch({ type: 'doing', doing: { step: 'loading', ...loaded } });
        return;
      }
      // The page hears of plans by themselves.
      case 'switched':
      case 'kept':
      case 'ready':
      case 'pausing':
      case 'peer-lost':
      case 'peer-leaving':
      case 'peer-slow':
      case 'waiting':
        // The session deals with it by itself; what comes of it is a plan, or the end of a frame.
        return;
      default:
        unreachable(event);
    }
  }

  #tellPlan(): void {
    const { session, chosen, latest, silent, wish } = this.page;
    const { mesh, dispatch } = this.#options;
    dispatch({
      type: 'planned',
      plan: trialPlan(session, { chosen, latest, without: wish.without }, silent, mesh),
    });
  }

  /** Read once: later runs find them here. A failed attempt is forgotten. */
  async #readPictures(): Promise<readonly Picture[]> {
    const { modelUrl, readPixels } = this.#options;
    const { shape, image } = this.#model.graph.inputs[0]!;
    const [height, width] = shape;
    return Promise.all(
      digitSamples.map(async (file) => {
        const url = `${modelUrl}/samples/${file}`;
        const pixels = await readPixels(url, width!, height!);
        return { url, shown: file[0]!, input: pixelInput(pixels, image!, shape) };
      }),
    );
  }
}

interface Picture {
  readonly url: string;
  readonly shown: string;
  readonly input: FrameInput;
}
