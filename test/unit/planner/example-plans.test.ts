import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { EXAMPLE_PLANS, preparedNetwork } from '../../../scripts/plans/example-plans.ts';
import { planDocuments } from '../../../scripts/plans/plan-documents.ts';
import { parsePlanFile } from '../../../src/planner/plan-file.ts';
import type { Plan } from '../../../src/planner/plan.ts';
import { verifyPlan } from '../../../src/planner/verify-plan.ts';
import { asSessionId } from '../../../src/shared/ids.ts';
import { peerIdOf } from '../../support/memory-network.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const session = asSessionId('e'.repeat(32));
const peers = Array.from({ length: 10 }, (_, index) => peerIdOf(index + 1));

describe('example plans', () => {
  it('are up to date, schema included: `npm run plans` writes what is there', async () => {
    const documents = await planDocuments();
    for (const { path, text } of documents) expect(readFileSync(root + path, 'utf8'), path).toBe(text);
    const files = readdirSync(`${root}examples/plans`).map((file) => `examples/plans/${file}`);
    expect(files.sort()).toEqual(
      documents
        .map(({ path }) => path)
        .filter((path) => path.startsWith('examples/'))
        .sort(),
    );
  });

  const read = (name: string): Plan => {
    const { network } = EXAMPLE_PLANS.find((plan) => plan.name === name)!;
    const graph = preparedNetwork(network);
    const raw: unknown = JSON.parse(readFileSync(`${root}examples/plans/${name}.json`, 'utf8'));
    return parsePlanFile(raw, { graph, session, epoch: 0, peers });
  };
  const peerCount = (plan: Plan): number =>
    new Set(plan.segments.flatMap(({ lanes }) => lanes.flatMap(({ tiles }) => tiles.map(({ peer }) => peer))))
      .size;

  it.each(EXAMPLE_PLANS)('$name holds for the network at full size', ({ name, network }) => {
    expect(() => verifyPlan(preparedNetwork(network), read(name))).not.toThrow();
  });

  // The first device of the published layouts only sends: it is the requester here.
  it.each([
    ['alexnet-5', 4],
    ['alexnet-6', 5],
    ['vgg16-9', 8],
    ['vgg16-11', 10],
    ['c3d-filter-split', 4],
    ['c3d-channel-split', 4],
    ['xception-separable-split', 3],
    ['alexnet-4-mixed', 4],
    ['vgg16-4-mixed', 4],
    ['xception-4-mixed', 4],
    ['c3d-4-mixed', 4],
  ])('%s takes %i computing peers', (name, count) => {
    expect(peerCount(read(name))).toBe(count);
  });

  it('are all counted above', () => {
    expect(EXAMPLE_PLANS).toHaveLength(11);
  });
});
