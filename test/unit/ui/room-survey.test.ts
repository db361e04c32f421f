import { describe, expect, it } from 'vitest';
import type { RuntimeNode } from '../../../src/runtime/runtime-node.ts';
import { PeerceptronError } from '../../../src/shared/errors.ts';
import { RoomSurvey } from '../../../src/ui/room-survey.ts';
import { testProfile } from '../../support/test-profile.ts';
import { FakeClock } from '../mesh/fake-clock.ts';

function setUp(transports = [async () => testProfile.transport]) {
  const clock = new FakeClock();
  let asked = 0;
  const room = new RoomSurvey({
    node: {} as RuntimeNode,
    clock,
    transport: () => transports[Math.min(asked++, transports.length - 1)]!(),
  });
  return { clock, room, asked: () => asked };
}

describe('what a page learns of its room', () => {
  it('serves sessions that follow each other, and is learnt anew after a minute', async () => {
    const { clock, room, asked } = setUp();
    const first = await room.get();
    await clock.advance(59_000);
    expect(await room.get()).toBe(first);
    await clock.advance(1000);
    expect(await room.get()).not.toBe(first);
    expect(asked()).toBe(2);
  });

  it('is begun anew where it could not begin', async () => {
    const { room } = setUp([
      () => Promise.reject(new PeerceptronError('ENGINE_FAILED', 'not now')),
      async () => testProfile.transport,
    ]);
    await expect(room.get()).rejects.toMatchObject({ code: 'ENGINE_FAILED' });
    expect(await room.get()).toBeDefined();
  });
});
