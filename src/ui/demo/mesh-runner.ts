import type { Graph } from '../../graph/graph.ts';
import type { LoadedModel } from '../../import/load-model.ts';
import type { Objective } from '../../planner/choice.ts';
import type { AdaptiveSessionEvent } from '../../runtime/adaptive-options.ts';
import type { BlockWeights } from '../../runtime/block-service.ts';
import type { FrameRunner } from '../../runtime/frame-stream.ts';
import { unreachable, type PeerceptronError } from '../../shared/errors.ts';
import { gatherRoom } from '../gather-room.ts';
import { LoadProgress } from '../load-progress.ts';
import { openPageSession, type PageSession, type PageSessionOptions } from '../page-session.ts';
import { roomPlan, type RoomPlan } from '../room-plan.ts';
import type { Departure } from '../worded-states.ts';

/** What opening a network waits for. */
export type RunStep =
  | { readonly step: 'connecting' }
  | { readonly step: 'planning' }
  /** Weights on their way to all devices of the plan. */
  | { readonly step: 'loading'; readonly loadedBytes: number; readonly totalBytes: number };

export type MeshRunEvent =
  /** What is under way; also while another plan runs. */
  | { readonly type: 'step'; readonly step: RunStep }
  /** A plan has come into use; or the room has changed, and the plan is still the one to use. */
  | { readonly type: 'planned'; readonly plan: RoomPlan }
  /** A device of the plan computes no longer: it was lost, or it has said that it leaves. The session goes on without it. */
  | { readonly type: 'gone'; readonly name: string; readonly how: Departure }
  /** Nobody is left who could compute: frames wait for somebody to come. */
  | { readonly type: 'waiting'; readonly error: PeerceptronError };

export interface MeshJob {
  readonly model: Pick<LoadedModel, 'weights' | 'seeded' | 'stored' | 'original'>;
  /** What of the model runs: its graph, or a part of that with the same names of weights. */
  readonly graph: Graph;
  readonly onEvent: (event: MeshRunEvent) => void;
}

/** A network that is spread over the room and takes frames until it is closed. */
export interface MeshRun extends FrameRunner {
  close(): Promise<void>;
}

/** Lets the room compute a network. */
export interface MeshRunner {
  /** @throws what `openPageSession` throws */
  open(job: MeshJob): Promise<MeshRun>;
}

/** Of several that share a runner, one after the other: a session is opened when the one before is closed. */
export function oneByOne(runner: MeshRunner): MeshRunner {
  let last: Promise<void> = Promise.resolve();
  return {
    open: async (job) => {
      const before = last;
      let isOver: () => void = () => undefined;
      last = new Promise((resolve) => (isOver = resolve));
      await before;
      try {
        const run = await runner.open(job);
        return {
          get window() {
            return run.window;
          },
          run: (inputs, options) => run.run(inputs, options),
          close: async () => {
            await run.close();
            isOver();
          },
        };
      } catch (error) {
        isOver();
        throw error;
      }
    },
  };
}

export interface RoomRunnerOptions extends Omit<
  PageSessionOptions,
  'model' | 'objective' | 'onEvent' | 'onPlan'
> {
  /** Default: one frame as fast as can be. */
  readonly objective?: Objective;
  /** The session that is open, for views that look into it; nothing when it is closed. */
  readonly onPage?: (page: PageSession | undefined) => void;
}

/** Plans over the devices of a room, and follows it. */
export function roomRunner(options: RoomRunnerOptions): MeshRunner {
  const { mesh, clock, survey, objective = { kind: 'latency' }, onPage } = options;
  return {
    open: async ({ model, graph, onEvent }) => {
      onEvent({ type: 'step', step: { step: 'connecting' } });
      await gatherRoom(mesh, clock);
      onEvent({ type: 'step', step: { step: 'planning' } });
      const { weights, seeded } = model;
      const page = await openPageSession({
        ...options,
        objective,
        model: { graph, weights, seeded, blocks: blocksOf(model) },
        onEvent: follow(onEvent),
        onPlan: ({ session, chosen, latest, wish }) =>
          onEvent({
            type: 'planned',
            plan: roomPlan(session, { chosen, latest, without: wish.without }, survey.silent, mesh),
          }),
      });
      onPage?.(page);
      const { frames } = page;
      return {
        get window() {
          return frames.window;
        },
        run: (inputs, runOptions) => frames.run(inputs, runOptions),
        close: async () => {
          await page.close();
          onPage?.(undefined);
        },
      };
    },
  };
}

/** What of a session's events people are told. */
function follow(tell: (event: MeshRunEvent) => void): NonNullable<PageSessionOptions['onEvent']> {
  const loading = new LoadProgress();
  return (event: AdaptiveSessionEvent, page) => {
    switch (event.type) {
      case 'switching':
        loading.clear();
        return;
      case 'loading':
        tell({ type: 'step', step: { step: 'loading', ...loading.add(event.peer, event) } });
        return;
      case 'peer-lost':
        tell({ type: 'gone', name: page.nameOf(event.peer), how: 'lost' });
        return;
      case 'peer-leaving':
        tell({ type: 'gone', name: page.nameOf(event.peer), how: 'leaving' });
        return;
      case 'waiting':
        tell({ type: 'waiting', error: event.error });
        return;
      // The page hears of plans by themselves.
      case 'switched':
      case 'kept':
      case 'ready':
      case 'pausing':
      case 'peer-slow':
        // The session deals with it by itself; what comes of it is a plan, or the end of a frame.
        return;
      default:
        unreachable(event);
    }
  };
}

/** Weights in our own layout, as peers get them; files of this device mean nothing to them. */
function blocksOf({ stored, original }: MeshJob['model']): BlockWeights | undefined {
  if (!stored) return undefined;
  const { layout, layoutFile, locations, reader } = stored;
  const { name, inputs, nodes, outputs } = original;
  const urls = locations.filter((location) => /^https?:\/\//i.test(location));
  return { layout, layoutFile, urls, reader, unfolded: { name, inputs, nodes, outputs } };
}
