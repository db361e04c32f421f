import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Graph } from '../../src/graph/graph.ts';
import type { NetworkName } from '../../src/models/presets.ts';
import { parsePlanFile } from '../../src/planner/plan-file.ts';
import type { Plan } from '../../src/planner/plan.ts';
import type { World } from '../../src/planner/world.ts';

export interface PaperLayout {
  /** File in `examples/plans`. The number is the paper's, of its sender as well. */
  readonly name: string;
  readonly network: NetworkName;
  /** That compute: the paper's first device only sends, as our requester does. */
  readonly peers: number;
}

/** The layouts of arXiv:1901.02537, those on fewer devices first. */
export const PAPER_LAYOUTS: readonly PaperLayout[] = [
  { name: 'alexnet-5', network: 'alexnet', peers: 4 },
  { name: 'alexnet-6', network: 'alexnet', peers: 5 },
  { name: 'vgg16-9', network: 'vgg16', peers: 8 },
  { name: 'vgg16-11', network: 'vgg16', peers: 10 },
];

export interface PaperPlanContext extends Pick<Plan, 'session' | 'epoch'> {
  readonly graph: Graph;
  /** Its devices take the places of the layout in their order. */
  readonly world: World;
}

/** @throws PLAN_NO_PEERS where the world has fewer devices. */
export function paperPlan(name: string, { graph, world, session, epoch }: PaperPlanContext): Plan {
  const raw: unknown = JSON.parse(readFileSync(join(process.cwd(), `examples/plans/${name}.json`), 'utf8'));
  return parsePlanFile(raw, { graph, session, epoch, peers: world.devices.map(({ id }) => id) });
}
