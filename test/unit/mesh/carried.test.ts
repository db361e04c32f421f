import { describe, expect, it } from 'vitest';
import { settle } from './fake-clock.ts';
import { createWorld } from './world.ts';

describe('what a device has carried', () => {
  it('is that of all channels there have been, and never becomes less', async () => {
    const { joinMany, clock } = createWorld();
    const [a, b] = await joinMany(2);
    if (!a || !b) throw new Error('two joined');
    expect(a.mesh.carried).toEqual({ sentBytes: 0, receivedBytes: 0 });
    const first = await a.mesh.channel(b.id);
    await settle();
    first.sendControl({ type: 'ping', nonce: 1 });
    await settle();
    const live = a.mesh.carried;
    expect(live).toEqual(a.mesh.traffic(b.id));
    expect(live.sentBytes).toBeGreaterThan(0);

    first.close();
    await first.closed;
    await clock.advance(100);
    const over = a.mesh.carried;
    expect(a.mesh.traffic(b.id)).toBeUndefined();
    expect(over.sentBytes).toBeGreaterThanOrEqual(live.sentBytes);

    const second = await a.mesh.channel(b.id);
    second.sendControl({ type: 'ping', nonce: 2 });
    await settle();
    const again = a.mesh.traffic(b.id);
    expect(again!.sentBytes).toBeGreaterThan(0);
    expect(a.mesh.carried).toEqual({
      sentBytes: over.sentBytes + again!.sentBytes,
      receivedBytes: over.receivedBytes + again!.receivedBytes,
    });
  });
});
