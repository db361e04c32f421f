import { loadModel, type LoadedModel } from '../import/load-model.ts';
import { meshRoster } from '../mesh/mesh-roster.ts';
import type { Mesh } from '../mesh/mesh.ts';
import { pixelInput } from '../models/image-encoding.ts';
import type { Capabilities } from '../protocol/messages.ts';
import type { AdaptiveSession, AdaptiveSessionEvent } from '../runtime/adaptive-options.ts';
import type { FrameInput } from '../runtime/frame-input.ts';
import { runInOrder } from '../runtime/frame-stream.ts';
import { measureTransport } from '../runtime/measure-transport.ts';
import { openPlannedSession, type ChosenPlan } from '../runtime/planned-session.ts';
import type { RuntimeNode } from '../runtime/runtime-node.ts';
import { Survey, type SurveyPeer } from '../runtime/survey.ts';
import { topPredictions } from '../runtime/whole-model.ts';
import type { Clock } from '../shared/clock.ts';
import { unreachable, type PeerceptronError } from '../shared/errors.ts';
import { asSessionId, toHex, type PeerId } from '../shared/ids.ts';
import { median } from '../shared/median.ts';
import type { RandomBytes } from '../shared/random.ts';
import type { ByteSource } from '../weights/byte-source.ts';
import { digitSamples } from './digit-samples.ts';
import { deviceName } from './device-name.ts';
import { trialPlan } from './trial-plan.ts';
import type { TrialEvent, TrialMeasured } from './trial-state.ts';
import type { RoomAsker } from './trial.ts';

export interface RoomAskerOptions {
  readonly mesh: Mesh;
  /** This device serves on it, and is a candidate like any other. */
  readonly node: RuntimeNode;
  /** What this device says of itself to others. */
  readonly capabilities: Capabilities;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  /** Folder of the model, its pictures in `samples` within. */
  readonly modelUrl: string;
  readonly open: (url: string) => ByteSource;
  /** A picture as RGBA of that size; rejects with INPUT_INVALID. */
  readonly readPixels: (url: string, width: number, height: number) => Promise<Uint8ClampedArray>;
  readonly dispatch: (event: TrialEvent) => void;
}

/** A device that cannot be reached is known as such after this time at most; it may still join later. */
const GATHER_TIMEOUT_MS = 10_000;
/** The pictures are asked for so many times in a row to see a rate. */
const RATE_ROUNDS = 4;
/** A rate, or a median, of fewer frames would mean nothing. */
const LEAST_FRAMES = 6;

/** The digit model, planned over the room and loaded. Rejects with what `loadModel` and `openPlannedSession` reject with. */
export async function openRoomAsker(options: RoomAskerOptions): Promise<RoomAsker> {
  const { mesh, clock, dispatch, modelUrl, open } = options;
  const [model] = await Promise.all([loadModel(modelUrl, { open }), gather(mesh, clock)]);
  dispatch({ type: 'doing', doing: { step: 'planning' } });
  const asker = new Asker(options, model);
  await asker.open();
  return asker;
}

/** Connects to everyone in the room: what they offer is known then. */
async function gather(mesh: Mesh, clock: Clock): Promise<void> {
  let cancel: () => void = () => undefined;
  const late = new Promise<void>((resolve) => (cancel = clock.after(GATHER_TIMEOUT_MS, resolve)));
  const dials = [...mesh.members.values()]
    .filter(({ state }) => state !== 'connected')
    .map(({ id }) => mesh.channel(id));
  await Promise.race([Promise.allSettled(dials), late]);
  cancel();
}

class Asker implements RoomAsker {
  readonly #options: RoomAskerOptions;
  readonly #model: LoadedModel;
  /** By the segments of a plan, which stay the same object while the plan is numbered anew. */
  readonly #chosen = new WeakMap<object, ChosenPlan>();
  #latest: ChosenPlan | undefined;
  readonly #silent = new Map<PeerId, PeerceptronError>();
  readonly #loading = new Map<PeerId, readonly [loadedBytes: number, totalBytes: number]>();
  #session: AdaptiveSession | undefined;
  #pictures: Promise<readonly Picture[]> | undefined;

  constructor(options: RoomAskerOptions, model: LoadedModel) {
    this.#options = options;
    this.#model = model;
  }

  async open(): Promise<void> {
    const { mesh, node, clock, randomBytes } = this.#options;
    const { graph, weights } = this.#model;
    const survey = new Survey({
      node,
      clock,
      transport: await measureTransport({ clock }),
      onEvent: (event) => {
        if (event.type === 'device-silent') this.#silent.set(event.peer, event.error);
      },
    });
    this.#session = await openPlannedSession({
      node,
      graph,
      weights,
      clock,
      session: asSessionId(toHex(randomBytes(16))),
      roster: meshRoster(mesh),
      survey,
      objective: { kind: 'latency' },
      describe: (peer) => this.#describe(peer),
      onChoice: (chosen) => {
        this.#latest = chosen;
        const { segments } = chosen.choice.plan;
        if (!this.#chosen.has(segments)) this.#chosen.set(segments, chosen);
        // The plan stays, and the room is another one.
        if (this.#session?.plan.segments === segments) this.#tellPlan();
      },
      onEvent: (event) => this.#follow(event),
    });
    this.#tellPlan();
  }

  async run(): Promise<TrialMeasured> {
    const { dispatch, clock } = this.#options;
    const session = this.#session!;
    const pictures = await (this.#pictures ??= this.#readPictures());
    dispatch({ type: 'doing', doing: { step: 'asking' } });
    const alone: { readonly epoch: number; readonly latencyMs: number }[] = [];
    for (const { url, shown, input } of pictures) {
      const { plan, latencyMs, outputs } = await session.run([input]);
      alone.push({ epoch: plan.epoch, latencyMs });
      const [best] = topPredictions(outputs[0]!, 1, this.#model.graph.labels);
      const answer = best!.label ?? String(best!.index);
      dispatch({ type: 'answered', answer: { url, shown, answer, score: best!.score } });
    }
    dispatch({ type: 'doing', doing: { step: 'rating' } });
    const done: { readonly epoch: number; readonly atMs: number }[] = [];
    const rounds = Array.from({ length: RATE_ROUNDS }, () => pictures).flat();
    for await (const { result } of runInOrder(session, rounds, ({ input }) => [input])) {
      done.push({ epoch: result.plan.epoch, atMs: clock.now() });
    }
    // Frames of a plan before this one say nothing about it.
    const { epoch } = session.plan;
    const latenciesMs = alone.filter((frame) => frame.epoch === epoch).map(({ latencyMs }) => latencyMs);
    const counted = done.filter((frame) => frame.epoch === epoch).map(({ atMs }) => atMs);
    const spanMs = counted.length < LEAST_FRAMES ? 0 : counted.at(-1)! - counted[0]!;
    return {
      ...(latenciesMs.length < LEAST_FRAMES ? {} : { latencyMs: median(latenciesMs) }),
      ...(spanMs > 0 ? { framesPerSecond: ((counted.length - 1) * 1000) / spanMs } : {}),
    };
  }

  async close(): Promise<void> {
    await this.#session?.close();
  }

  #describe(peer: PeerId): SurveyPeer | undefined {
    const { mesh, capabilities } = this.#options;
    const name = deviceName(peer, mesh);
    if (peer === mesh.self) return { ...capabilities, id: peer, name };
    const member = mesh.members.get(peer);
    return member?.state === 'connected' && member.capabilities.serves
      ? { ...member.capabilities, id: peer, name }
      : undefined;
  }

  #follow(event: AdaptiveSessionEvent): void {
    switch (event.type) {
      case 'switching':
        this.#loading.clear();
        return;
      case 'loading': {
        this.#loading.set(event.peer, [event.loadedBytes, event.totalBytes]);
        const [loadedBytes, totalBytes] = [0, 1].map((at) =>
          [...this.#loading.values()].reduce((sum, bytes) => sum + bytes[at]!, 0),
        ) as [number, number];
        this.#options.dispatch({ type: 'doing', doing: { step: 'loading', loadedBytes, totalBytes } });
        return;
      }
      case 'switched':
      case 'kept':
        this.#tellPlan();
        return;
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
    const session = this.#session;
    // The first plan comes into use before `open` has its session.
    if (!session) return;
    const chosen = this.#chosen.get(session.plan.segments);
    this.#options.dispatch({
      type: 'planned',
      plan: trialPlan(session, { chosen, latest: this.#latest }, this.#silent, this.#options.mesh),
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
