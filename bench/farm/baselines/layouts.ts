import type { Graph } from '../../../src/graph/graph.ts';
import type { Plan } from '../../../src/planner/plan.ts';
import type { PredictedPlan } from '../../../src/planner/prediction.ts';
import { choosePlan } from '../../../src/planner/search.ts';
import type { World } from '../../../src/planner/world.ts';
import { toPeerceptronError, unreachable } from '../../../src/shared/errors.ts';
import { judged } from '../../planner/judged.ts';
import { PAPER_LAYOUTS, paperPlan, type PaperLayout } from '../../planner/paper-layouts.ts';
import { singleMethodBest, type SingleMethod, type StageTimes } from '../../planner/single-method.ts';
import type { Method } from '../cells.ts';
import { alikeWorld } from './alike.ts';

/** Methods that are another plan on our runtime. */
export type LayoutMethod = Extract<Method, 'paper' | 'equal' | SingleMethod>;

export interface LayoutRequest extends Pick<Plan, 'session' | 'epoch'> {
  /** As a model is loaded: simplified, batch norms folded. Its name is the network's. */
  readonly graph: Graph;
  readonly world: World;
  readonly objective: 'latency' | 'throughput';
  /** Of pipelines, where they are known already. */
  readonly stages?: StageTimes;
}

export type LayoutOutcome =
  ({ readonly state: 'planned' } & PredictedPlan) | { readonly state: 'refused'; readonly why: string };

/** The plan of another method for these devices, and what our simulation expects of it; or why there is none. */
export function layoutOf(method: LayoutMethod, request: LayoutRequest): LayoutOutcome {
  const { graph, world, objective } = request;
  try {
    const found = planOf(method, request);
    if ('why' in found) return { state: 'refused', why: found.why };
    return { state: 'planned', ...judged(graph, world, objective, found.plan) };
  } catch (thrown) {
    const { code, message } = toPeerceptronError(thrown);
    if (code !== 'PLAN_MEMORY' && code !== 'PLAN_NO_PEERS') throw thrown;
    return { state: 'refused', why: message };
  }
}

type Found = { readonly plan: Plan } | { readonly why: string };

function planOf(method: LayoutMethod, request: LayoutRequest): Found {
  const { graph, world, objective, session, epoch, stages } = request;
  switch (method) {
    case 'paper': {
      const layout = paperLayoutFor(graph.name, world.devices.length);
      if (layout) return { plan: paperPlan(layout.name, request) };
      return { why: `the paper has no layout of ${graph.name} for ${world.devices.length} devices` };
    }
    case 'pipeline':
    case 'spatial':
    case 'channel':
    case 'lanes': {
      const best = singleMethodBest({ graph, world, objective, ...(stages ? { stages } : {}) }, [method])[
        method
      ];
      if (best) return { plan: best.plan({ session, epoch }) };
      return { why: `no plan of this method fits into the memory of ${world.devices.length} devices` };
    }
    case 'equal':
      return choosePlan({
        graph,
        session,
        epoch,
        world: alikeWorld(world, graph),
        objective: { kind: objective },
      });
    default:
      return unreachable(method);
  }
}

/** Of the paper's layouts that so many computing devices are enough for, the one that uses the most of them. */
export const paperLayoutFor = (network: string, devices: number): PaperLayout | undefined =>
  PAPER_LAYOUTS.findLast((layout) => layout.network === network && layout.peers <= devices);
