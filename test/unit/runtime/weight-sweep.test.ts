import { describe, expect, it } from 'vitest';
import { boxSize, formatBox, fullBox, isPartition, type Box } from '../../../src/graph/box.ts';
import { compilePlan } from '../../../src/planner/compiled-plan.ts';
import { planBuilder } from '../../../src/planner/plan-builder.ts';
import { channels, whole } from '../../../src/planner/splits.ts';
import { ByteBudget } from '../../../src/runtime/byte-budget.ts';
import { partsOf, placeWithin } from '../../../src/runtime/slice-parts.ts';
import { WeightSweep } from '../../../src/runtime/weight-sweep.ts';
import { weightShapes } from '../../../src/graph/shapes.ts';
import { asSessionId } from '../../../src/shared/ids.ts';
import { seededRandom } from '../../../src/shared/random.ts';
import { peerIdOf } from '../../support/memory-network.ts';
import { lenet } from '../../support/small-networks.ts';
import { FakeClock, settle } from '../mesh/fake-clock.ts';

describe('parts of a slice', () => {
  it('are a partition, in the order asked for, none larger than the limit, and say where they lie', () => {
    const random = seededRandom(4);
    for (let i = 0; i < 200; i++) {
      const rank = 1 + random.integer(4);
      const box: Box = Array.from({ length: rank }, () => {
        const start = random.integer(5);
        return [start, start + 1 + random.integer(7)];
      });
      const order = [...box.keys()].sort(() => random.integer(3) - 1);
      const limit = 1 + random.integer(40);
      const parts = [...partsOf(box, limit, order)];
      expect(isPartition(box, parts)).toBe(true);
      for (const part of parts) expect(boxSize(part)).toBeLessThanOrEqual(limit);
      // In the file's order each part lies behind the one before it.
      const starts = parts.map((part) => order.reduce((sum, axis) => sum * 20 + part[axis]![0], 0));
      expect(starts).toEqual([...starts].sort((a, b) => a - b));
      for (const part of parts) expect(placeWithin(part, box), formatBox(part)).toBe(slowPlace(part, box));
    }
  });

  it('follow the tensor’s own order where the advice is none', () => {
    const box: Box = [
      [0, 4],
      [0, 4],
    ];
    for (const order of [[0], [0, 0], [1, 7], [0, 1, 2]]) {
      expect([...partsOf(box, 4, order)]).toEqual([...partsOf(box, 4)]);
    }
  });

  /** By listing every element. */
  function slowPlace(part: Box, box: Box): number {
    const inBox: boolean[] = [];
    const visit = (axis: number, inside: boolean): void => {
      if (axis === box.length) return void inBox.push(inside);
      for (let at = box[axis]![0]; at < box[axis]![1]; at++) {
        visit(axis + 1, inside && at >= part[axis]![0] && at < part[axis]![1]);
      }
    };
    visit(0, true);
    const first = inBox.indexOf(true);
    return inBox.slice(first, first + boxSize(part)).every(Boolean) ? first : -1;
  }
});

describe('a budget of bytes', () => {
  it('lets in what fits, in line, and what is larger than all of it alone', async () => {
    const budget = new ByteBudget(100);
    const log: string[] = [];
    const take = async (name: string, size: number) => {
      await budget.take(size);
      log.push(name);
    };
    await take('a', 60);
    const waits = [take('b', 60), take('c', 10), take('d', 500), take('e', 1)];
    await Promise.resolve();
    expect(log).toEqual(['a']);
    budget.giveBack(60);
    await Promise.all(waits.slice(0, 2));
    expect(log).toEqual(['a', 'b', 'c']);
    budget.giveBack(60);
    budget.giveBack(10);
    await waits[2];
    expect(log).toEqual(['a', 'b', 'c', 'd']);
    budget.giveBack(500);
    await waits[3];
    expect(log).toEqual(['a', 'b', 'c', 'd', 'e']);
  });
});

describe('a sweep through the weights', () => {
  const graph = lenet();
  const peers = [1, 2, 3].map(peerIdOf);
  const plan = planBuilder(graph)
    .layers({ through: 'fc3/bias', split: channels({ peers: [0, 1] }) })
    .segment({ split: whole(2) })
    .plan({ session: asSessionId('a'.repeat(32)), epoch: 0, peers });
  const tensors = new Map([...weightShapes(graph)].map(([name, shape]) => [name, { name, shape }]));
  const shape = tensors.get('fc1/kernel')!.shape;
  const rowBytes = (4 * boxSize(fullBox(shape))) / shape[0]!;
  const row = (index: number): Box => fullBox(shape).with(0, [index, index + 1]);
  const [one, other] = peers as [(typeof peers)[0], (typeof peers)[0]];

  function open(rows: number) {
    const clock = new FakeClock();
    const sweep = new WeightSweep({
      compiled: compilePlan(graph, plan),
      tensors,
      clock,
      spanBytes: rowBytes * rows,
    });
    const log: string[] = [];
    const ask = (peer: typeof one, index: number): void => {
      void sweep.turn(peer, 'fc1/kernel', row(index)).then((answered) => {
        log.push(`${peer === one ? 'one' : 'other'} ${index}`);
        answered?.();
      });
    };
    return { clock, sweep, log, ask };
  }

  it('holds back who is too far ahead of another that needs the same, until that one catches up', async () => {
    const { log, ask } = open(2);
    ask(other, 0);
    ask(one, 0);
    ask(one, 2);
    ask(one, 4);
    await settle();
    expect(log).toEqual(['other 0', 'one 0', 'one 2']);
    ask(other, 2);
    await settle();
    expect(log.slice(3).sort()).toEqual(['one 4', 'other 2']);
  });

  it('never holds back who is last, and nobody once the others are done or gone', async () => {
    const { sweep, log, ask } = open(1);
    ask(one, 3);
    ask(other, 1);
    await settle();
    expect(log).toEqual(['other 1']);
    sweep.finished(other);
    await settle();
    expect(log).toEqual(['other 1', 'one 3']);
  });

  it('does not wait for who has gone silent', async () => {
    const { clock, log, ask } = open(1);
    ask(one, 4);
    await settle();
    expect(log).toEqual([]);
    await clock.advance(10_001);
    await settle();
    expect(log).toEqual(['one 4']);
  });

  it('lets go of all when the session ends', async () => {
    const { sweep, log, ask } = open(1);
    ask(one, 4);
    await settle();
    sweep.close();
    await settle();
    expect(log).toEqual(['one 4']);
  });
});
