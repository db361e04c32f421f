import { expect, it } from 'vitest';
import { createReferenceEngine } from '../../../src/engine/reference.ts';
import { RuntimeNode } from '../../../src/runtime/runtime-node.ts';
import { servePeer } from '../../../src/runtime/serve-peer.ts';
import { MemoryRoom, peerIdOf } from '../../support/memory-network.ts';
import { FakeClock } from '../mesh/fake-clock.ts';

it('a device that pauses is no candidate for plans, its own included, until it goes on', async () => {
  const node = new RuntimeNode(new MemoryRoom().join(peerIdOf(1)));
  expect(node.serves).toBe(false);
  const service = servePeer({
    node,
    engine: createReferenceEngine(),
    memoryBytes: 1e9,
    clock: new FakeClock(),
  });
  expect(node.serves).toBe(true);
  await service.pause();
  expect(node.serves).toBe(false);
  service.resume();
  expect(node.serves).toBe(true);
  await service.close();
  expect(node.serves).toBe(false);
});
