import { describe, expect, it } from 'vitest';
import { PresenceExchange, type Presence } from '../../../src/runtime/presence.ts';
import { RuntimeNode } from '../../../src/runtime/runtime-node.ts';
import type { PeerId } from '../../../src/shared/ids.ts';
import { MemoryRoom, peerIdOf } from '../../support/memory-network.ts';
import { FakeClock } from '../mesh/fake-clock.ts';

const presence = (load: number): Presence => ({ load, share: 1, framesPerSecond: 0, sent: [], work: [] });

function createWorld() {
  const clock = new FakeClock();
  const room = new MemoryRoom();
  const join = (index: number) => {
    const node = new RuntimeNode(room.join(peerIdOf(index)));
    const heard: (readonly [PeerId, number])[] = [];
    let reports = 0;
    const exchange = new PresenceExchange({
      node,
      clock,
      report: () => {
        reports += 1;
        return presence(index / 10);
      },
      onPresence: (peer, { load }) => heard.push([peer, load]),
    });
    return { node, exchange, heard, reports: () => reports };
  };
  return { clock, room, join };
}

describe('presence', () => {
  it('[PRE1] is told to those who look, at once and every second, and to nobody else', async () => {
    const { clock, join } = createWorld();
    const [looks, tells, other] = [join(1), join(2), join(3)];
    await looks.node.channel(peerIdOf(2));
    await other.node.channel(peerIdOf(2));
    await clock.advance(3000);
    expect(tells.reports()).toBe(0);
    looks.exchange.watch();
    await clock.advance(0);
    expect(looks.heard).toEqual([[peerIdOf(2), 0.2]]);
    await clock.advance(3000);
    expect(looks.heard).toHaveLength(4);
    expect(other.heard).toEqual([]);
    expect(looks.reports()).toBe(0);
  });

  it('[PRE1] goes on as long as somebody looks, and ends with it', async () => {
    const { clock, join } = createWorld();
    const [looks, tells] = [join(1), join(2)];
    await looks.node.channel(peerIdOf(2));
    looks.exchange.watch();
    await clock.advance(60_000);
    expect(looks.heard.length).toBeGreaterThan(55);
    looks.exchange.unwatch();
    await clock.advance(1000);
    const told = tells.reports();
    await clock.advance(60_000);
    expect(tells.reports()).toBe(told);
    expect(clock.pending).toBe(0);
  });

  it('[PRE1] forgets those who have gone without a word', async () => {
    const { clock, room, join } = createWorld();
    const [looks, tells] = [join(1), join(2)];
    await looks.node.channel(peerIdOf(2));
    looks.exchange.watch();
    await clock.advance(2000);
    room.kill(peerIdOf(1));
    await clock.advance(1000);
    const told = tells.reports();
    await clock.advance(20_000);
    expect(tells.reports()).toBe(told);
  });

  it('asks those who connect while it looks', async () => {
    const { clock, join } = createWorld();
    const [looks, late] = [join(1), join(2)];
    looks.exchange.watch();
    await clock.advance(5000);
    await late.node.channel(peerIdOf(1));
    await clock.advance(2000);
    expect(looks.heard.length).toBeGreaterThan(0);
  });

  it('[PRE1] tells no more often to who asks more often', async () => {
    const { clock, join } = createWorld();
    const [asks, tells] = [join(1), join(2)];
    const channel = await asks.node.channel(peerIdOf(2));
    for (let count = 0; count < 50; count += 1) channel.sendControl({ type: 'watch', forMs: 30_000 });
    await clock.advance(1000);
    expect(tells.reports()).toBe(2);
  });
});
