import { describe, expect, it } from 'vitest';
import { planBuilder } from '../../../src/planner/plan-builder.ts';
import { parsePlanFile, type PlanFile } from '../../../src/planner/plan-file.ts';
import type { Plan } from '../../../src/planner/plan.ts';
import { bands, channels, partialSums, whole } from '../../../src/planner/splits.ts';
import { verifyPlan } from '../../../src/planner/verify-plan.ts';
import { asSessionId } from '../../../src/shared/ids.ts';
import { peerIdOf } from '../../support/memory-network.ts';
import { lenet } from '../../support/small-networks.ts';

const graph = lenet();
const session = asSessionId('8'.repeat(32));
const peers = [1, 2, 3].map(peerIdOf);
const context = { graph, session, epoch: 2, peers };
const builder = planBuilder(graph)
  .segment({ through: 'pool2', split: bands({ axis: 'height', peers: [2, 0] }) })
  .segment({ through: 'fc1', split: partialSums({ axis: 'height', peers: [0, 1] }) })
  .segment({
    through: 'fc3/bias',
    lanes: [
      { share: 3, split: channels({ peers: [0, 1] }) },
      { share: 1, split: whole(2) },
    ],
  })
  .segment({ split: whole(1) });
const file = builder.file('LeNet over three peers');
const parse = (raw: unknown): Plan => parsePlanFile(raw, context);
const throughJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
const refusal = (code: string, ...parts: string[]): Error =>
  expect.objectContaining({
    code,
    message: expect.stringMatching(new RegExp(parts.join('.*'))) as string,
  }) as Error;

describe('parsePlanFile', () => {
  it('reads what the builder wrote: the same plan as the builder makes itself', () => {
    const plan = parse(throughJson(file));
    expect(plan).toEqual(builder.plan({ session, epoch: 2, peers }));
    expect(() => verifyPlan(graph, plan)).not.toThrow();
  });

  it('takes ops by index and peers by id as well, a share of 1 for granted, and no model', () => {
    const plan = builder.plan({ session, epoch: 2, peers });
    const { segments } = throughJson(plan) as Pick<Plan, 'segments'>;
    expect(parse({ segments })).toEqual(plan);
    const single = file.segments.map(({ ops, lanes }) => ({ ops, lanes: [{ tiles: lanes[0]!.tiles }] }));
    expect(parse({ segments: single }).segments.every(({ lanes }) => lanes[0]!.share === 1)).toBe(true);
  });

  it('takes the plan of a report back, whatever session it was of', () => {
    const plan = builder.plan({ session: asSessionId('9'.repeat(32)), epoch: 7, peers });
    expect(parse(throughJson(plan))).toEqual({ ...plan, session, epoch: 2 });
  });

  it('names both models when the plan is for another one', () => {
    expect(() => parse({ ...file, model: 'vgg16' })).toThrowError(refusal('PLAN_INVALID', 'vgg16', 'lenet'));
  });

  it('names an op that the model does not have, and an input taken for one', () => {
    const withOps = (ops: PlanFile['segments'][number]['ops']): unknown => ({
      ...file,
      segments: [{ ...file.segments[0], ops }, ...file.segments.slice(1)],
    });
    expect(() => parse(withOps(['conv1', 'pool9']))).toThrowError(refusal('PLAN_INVALID', 'lenet', 'pool9'));
    expect(() => parse(withOps(['input', 'pool2']))).toThrowError(
      refusal('PLAN_INVALID', 'input of the model'),
    );
  });

  it('says how many peers it takes when there are fewer', () => {
    expect(() => parsePlanFile(file, { ...context, peers: peers.slice(0, 2) })).toThrowError(
      refusal('PLAN_NO_PEERS', 'peer 2', 'only 2', '--peers 3'),
    );
  });

  it.each([
    ['nothing', undefined, '\\(root\\)'],
    ['a list', [], 'segments'],
    ['no segments', { model: 'lenet' }, 'segments'],
    ['a field that nobody knows', { ...file, hint: 'fast' }, 'hint'],
    ['ops half by id, half by index', { segments: [{ ops: ['conv1', 4], lanes: [] }] }, 'segments.0.ops'],
    ['a peer by name', tileWith({ peer: 'kitchen' }), 'segments.0.lanes.0.tiles.0.peer'],
    ['a peer between two', tileWith({ peer: 0.5 }), 'segments.0.lanes.0.tiles.0.peer'],
    ['a box of numbers', tileWith({ outputs: [{ tensor: 'pool2', box: [1, 2] }] }), 'outputs.0.box.0'],
    [
      'a range with an end below zero',
      tileWith({ outputs: [{ tensor: 'pool2', box: [[0, -1]] }] }),
      'box.0.1',
    ],
    ['a share of nothing', { segments: [{ ops: [0, 1], lanes: [{ share: 0, tiles: [] }] }] }, 'share'],
  ])('refuses %s, naming the place', (_, raw, place) => {
    expect(() => parse(raw)).toThrowError(refusal('PLAN_INVALID', place));
  });
});

function tileWith(change: object): unknown {
  const [first, ...others] = file.segments;
  const [tile, ...tiles] = first!.lanes[0]!.tiles;
  return {
    ...file,
    segments: [{ ...first, lanes: [{ share: 1, tiles: [{ ...tile, ...change }, ...tiles] }] }, ...others],
  };
}
