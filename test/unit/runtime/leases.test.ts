import { beforeEach, describe, expect, it } from 'vitest';
import { Leases, type Debt } from '../../../src/runtime/leases.ts';
import type { PeerId } from '../../../src/shared/ids.ts';
import { peerIdOf } from '../../support/memory-network.ts';
import { FakeClock } from '../mesh/fake-clock.ts';

const [a, b, c] = [peerIdOf(1), peerIdOf(2), peerIdOf(3)];

/** Peers that answer or do not, with an engine that is busy and gets on or not. */
class World {
  readonly clock = new FakeClock();
  debts: Debt[] = [];
  readonly asked: PeerId[] = [];
  readonly lost: [PeerId, string][] = [];
  readonly slow: PeerId[] = [];
  readonly silent = new Set<PeerId>();
  readonly busy = new Set<PeerId>();
  readonly tilesDone = new Map<PeerId, number>();
  readonly leases = new Leases({
    clock: this.clock,
    debts: () => this.debts,
    ask: (peer, nonce) => {
      this.asked.push(peer);
      if (this.silent.has(peer)) return;
      this.clock.after(10, () =>
        this.leases.answered(peer, nonce, this.tilesDone.get(peer) ?? 0, this.busy.has(peer)),
      );
    },
    onLost: (peer, why) => {
      this.lost.push([peer, why]);
      this.debts = this.debts.filter((debt) => debt.peer !== peer);
    },
    onSlow: (peer) => this.slow.push(peer),
  });

  owe(peer: PeerId, expectedMs?: number, upstream: readonly PeerId[] = []): void {
    this.debts.push({ peer, sinceMs: this.clock.now(), expectedMs, upstream });
    this.leases.watch();
  }
}

let world: World;
beforeEach(() => {
  world = new World();
});

describe('leases', () => {
  it('ask nobody who owes nothing, and stop looking', async () => {
    world.leases.watch();
    await world.clock.advance(10_000);
    expect(world.asked).toEqual([]);
    expect(world.clock.pending).toBe(0);
  });

  it('[EP5] ask nobody who shows progress', async () => {
    world.owe(a, 100);
    for (let step = 0; step < 20; step += 1) {
      await world.clock.advance(500);
      world.leases.progress(a);
    }
    expect(world.asked).toEqual([]);
  });

  it('[EP5] lose a peer that does not answer, in two and a half seconds', async () => {
    world.silent.add(a);
    world.owe(a, 100);
    await world.clock.advance(2000);
    expect(world.lost).toEqual([]);
    await world.clock.advance(1000);
    expect(world.lost).toEqual([[a, 'silent']]);
  });

  it('[EP5] blame the one that stands still, not those that wait for it', async () => {
    world.silent.add(a);
    // All that b and c can say is that they have nothing to do; what a should send them is not here.
    world.owe(b, 100, [a]);
    world.owe(c, 100, [a, b]);
    await world.clock.advance(5000);
    expect(world.lost).toEqual([[a, 'silent']]);
  });

  it('[EP5] lose nobody where all answer and wait, however long', async () => {
    world.owe(a, 100, [b]);
    world.owe(b, 100, [a]);
    await world.clock.advance(55_000);
    expect(world.lost).toEqual([]);
    // Two that wait for each other are not asked all the time.
    expect(world.asked.length).toBeLessThan(250);
  });

  it('[EP5] leave one alone that is slow and honest', async () => {
    world.busy.add(a);
    world.owe(a, 1000);
    await world.clock.advance(3900);
    expect(world.slow).toEqual([]);
    await world.clock.advance(12_000);
    expect(world.slow).toEqual([a]);
    expect(world.lost).toEqual([]);
    world.leases.progress(a);
    await world.clock.advance(3000);
    expect(world.slow).toEqual([a]);
    expect(world.lost).toEqual([]);
  });

  it('[EP5] count the work of its engine for others', async () => {
    world.busy.add(a);
    world.owe(a, 100);
    for (let second = 0; second < 60; second += 1) {
      if (second % 8 === 0) world.tilesDone.set(a, second);
      await world.clock.advance(1000);
    }
    expect(world.lost).toEqual([]);
  });

  it('[EP5] lose one whose engine never gets on, though it answers', async () => {
    world.busy.add(a);
    world.owe(a, 1000);
    await world.clock.advance(15_500);
    expect(world.lost).toEqual([]);
    await world.clock.advance(3000);
    expect(world.lost).toEqual([[a, 'stuck']]);
  });

  it('forgive silence while this device itself was asleep', async () => {
    world.silent.add(a);
    world.owe(a, 100);
    await world.clock.advance(1100);
    expect(world.asked).toEqual([a]);
    // All timers come late, as after a standstill of this program; the answer lies unread until then.
    world.clock.jump(60_000);
    await world.clock.advance(1);
    expect(world.lost).toEqual([]);
  });

  it('[EP5] lose a silent one sooner where others say that it is gone, and believe its own answer more', async () => {
    world.silent.add(a);
    for (const peer of [a, b]) world.leases.doubt(peer);
    await world.clock.advance(800);
    expect(world.lost).toEqual([[a, 'silent']]);
  });

  it('call the roll: done when all have answered or are lost', async () => {
    world.silent.add(b);
    let isDone = false;
    void world.leases.rollCall([a, b]).then(() => (isDone = true));
    await world.clock.advance(1000);
    expect(isDone).toBe(false);
    await world.clock.advance(1000);
    expect(isDone).toBe(true);
    expect(world.lost).toEqual([[b, 'silent']]);
  });
});
