import { describe, expect, it } from 'vitest';
import { RuntimeNode } from '../../../src/runtime/runtime-node.ts';
import { settle } from './fake-clock.ts';
import { capabilities, createWorld } from './world.ts';

describe('what a device offers', () => {
  it('[PRE3] may change: those that are connected hear it, and those that connect later', async () => {
    const world = createWorld();
    const [a, b, c] = await world.joinMany(3);
    for (const { mesh } of [a!, b!, c!]) new RuntimeNode(mesh);
    await a!.mesh.channel(b!.id);
    await settle();
    const changed = { ...capabilities('renamed'), memoryBytes: 5e8, serves: false };
    b!.mesh.offer(changed);
    await settle();
    expect(a!.mesh.members.get(b!.id)).toMatchObject({ state: 'connected', capabilities: changed });
    expect(b!.events.at(-1)).toEqual({ type: 'offered', capabilities: changed });
    await c!.mesh.channel(b!.id);
    await settle();
    expect(c!.mesh.members.get(b!.id)).toMatchObject({ state: 'connected', capabilities: changed });
  });

  it('counts the bytes of a channel, each way', async () => {
    const world = createWorld();
    const [a, b] = await world.joinMany(2);
    expect(a!.mesh.traffic(b!.id)).toBeUndefined();
    const channel = await a!.mesh.channel(b!.id);
    const before = a!.mesh.traffic(b!.id)!.sentBytes;
    b!.channels[0]!.onStream = (_, totalBytes) => ({
      buffer: new Uint8Array(totalBytes),
      done: () => undefined,
      failed: () => undefined,
    });
    await channel.sendStream({ kind: 'probe' }, new Uint8Array(100_000), { priority: 'weight' });
    await settle();
    const sent = a!.mesh.traffic(b!.id)!.sentBytes - before;
    expect(sent).toBeGreaterThan(100_000);
    expect(sent).toBeLessThan(110_000);
    expect(b!.mesh.traffic(a!.id)!.receivedBytes).toBeGreaterThanOrEqual(sent);
  });
});
