import { describe, expect, it } from 'vitest';
import { planBuilder } from '../../../../src/planner/plan-builder.ts';
import { channels, whole } from '../../../../src/planner/splits.ts';
import { asSessionId } from '../../../../src/shared/ids.ts';
import { OpReader } from '../../../../src/ui/network-view/op-details.ts';
import { stripOf } from '../../../../src/ui/network-view/strip.ts';
import { peerIdOf } from '../../../support/memory-network.ts';
import { madeUpChoice } from '../../../support/planned.ts';
import { lenet } from '../../../support/small-networks.ts';

const graph = lenet();
const session = asSessionId('e'.repeat(32));
const peers = [0, 1].map(peerIdOf);
const plan = planBuilder(graph)
  .segment({ through: 'pool1', split: channels({ peers: [0, 1] }) })
  .segment({ split: whole(1) })
  .plan({ session, epoch: 0, peers });
const indexOf = (op: string): number => graph.nodes.findIndex(({ id }) => id === op);

describe('one op in detail', () => {
  const strip = stripOf(graph, plan);

  it('says who computes which part of it, and what leaves the device where its tile ends', () => {
    const { op, shares } = new OpReader({ graph, plan }).read(strip, indexOf('pool1'));
    expect(op.id).toBe('pool1');
    expect(shares.map(({ peer, box }) => [peer, box])).toEqual([
      [
        peers[0],
        [
          [0, 14],
          [0, 14],
          [0, 3],
        ],
      ],
      [
        peers[1],
        [
          [0, 14],
          [0, 14],
          [3, 6],
        ],
      ],
    ]);
    // To the other device; what stays on the device is not sent.
    expect(shares.map(({ sentBytes }) => sentBytes)).toEqual([14 * 14 * 3 * 4, 0]);
  });

  it('has the halo-free box of an op within a tile, and no bytes there', () => {
    const { shares } = new OpReader({ graph, plan }).read(strip, indexOf('conv1'));
    expect(shares.map(({ box }) => box[2])).toEqual([
      [0, 3],
      [3, 6],
    ]);
    for (const share of shares) expect(share).not.toHaveProperty('sentBytes');
    expect(shares[0]!.weightBytes).toBe((5 * 5 * 3 + 3) * 4);
  });

  it('has the times of the tile, expected and measured, as far as they are known', () => {
    const choice = madeUpChoice();
    const network = { graph, plan: choice.plan };
    const reader = new OpReader(network, choice.plan.segments[0]!.lanes[0]!.tiles[0]!.peer);
    const { shares } = reader.read(stripOf(graph, choice.plan), 0, {
      prediction: choice.prediction,
      tileMs: new Map([['0/0/1', 44]]),
    });
    expect(shares.map(({ expectedMs, measuredMs }) => [expectedMs, measuredMs])).toEqual([
      [30, undefined],
      [40, 44],
    ]);
  });

  it('sends nothing over the network to the requester itself', () => {
    const last = graph.nodes.length - 1;
    expect(new OpReader({ graph, plan }, peers[1]).read(strip, last).shares[0]!.sentBytes).toBe(0);
    expect(new OpReader({ graph, plan }, peers[0]).read(strip, last).shares[0]!.sentBytes).toBe(40);
  });
});
