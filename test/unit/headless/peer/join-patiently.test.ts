import { describe, expect, it } from 'vitest';
import { BackOff } from '../../../../headless/peer/back-off.ts';
import { joinPatiently } from '../../../../headless/peer/join-patiently.ts';
import { PeerceptronError, type ErrorCode } from '../../../../src/shared/errors.ts';
import { FakeClock, settle } from '../../mesh/fake-clock.ts';

type Try = ErrorCode | 'joins' | Promise<string>;

/** A room that answers each try as told; pauses are 1, 2, 4, … s. */
function setUp(tries: readonly Try[]) {
  const clock = new FakeClock();
  const stop = new AbortController();
  const waits: [string, number][] = [];
  const undone: string[] = [];
  let tried = 0;
  const result = joinPatiently({
    join: async () => {
      const answer = tries[tried++]!;
      if (answer instanceof Promise || answer === 'joins') return answer;
      throw new PeerceptronError(answer, 'no');
    },
    backOff: new BackOff({ firstMs: 1000, longestMs: 30_000, random: () => 1 }),
    clock,
    onWaiting: (error, retryInMs) => waits.push([error.code, retryInMs]),
    stop: stop.signal,
    undo: (joined) => undone.push(joined),
  });
  result.catch(() => undefined);
  return { clock, stop, waits, undone, result, tried: () => tried };
}

describe('joining a room that is not there yet', () => {
  it('tries again after longer and longer pauses, whatever the room says, until it is let in', async () => {
    const world = setUp([
      'SIGNALING_UNREACHABLE',
      'ROOM_FULL',
      'PROTOCOL_VERSION',
      'SIGNALING_REFUSED',
      'joins',
    ]);
    await world.clock.advance(7000);
    expect(world.tried()).toBe(4);
    await world.clock.advance(8000);
    expect(await world.result).toBe('joins');
    expect(world.waits).toEqual([
      ['SIGNALING_UNREACHABLE', 1000],
      ['ROOM_FULL', 2000],
      ['PROTOCOL_VERSION', 4000],
      ['SIGNALING_REFUSED', 8000],
    ]);
  });

  it.each(['ROOM_LINK_INVALID', 'USAGE', 'INTERNAL'] as const)('gives up for %s', async (code) => {
    const world = setUp([code]);
    await expect(world.result).rejects.toMatchObject({ code });
    expect(world.waits).toEqual([]);
  });

  it('gives up at once where nobody waits', async () => {
    const failure = new PeerceptronError('SIGNALING_UNREACHABLE', 'no');
    const result = joinPatiently({
      join: () => Promise.reject(failure),
      clock: new FakeClock(),
      onWaiting: () => undefined,
      stop: new AbortController().signal,
      undo: () => undefined,
    });
    await expect(result).rejects.toBe(failure);
  });

  it('stops in a pause', async () => {
    const world = setUp(['SIGNALING_UNREACHABLE', 'joins']);
    await settle();
    world.stop.abort();
    expect(await world.result).toBeUndefined();
    expect(world.tried()).toBe(1);
    expect(world.clock.pending).toBe(0);
  });

  it('stops in a try, and leaves the room should it be let in after all', async () => {
    let letIn!: (joined: string) => void;
    const world = setUp([new Promise<string>((resolve) => (letIn = resolve))]);
    await settle();
    world.stop.abort();
    expect(await world.result).toBeUndefined();
    letIn('late');
    await settle();
    expect(world.undone).toEqual(['late']);
  });

  it('does not begin when it was stopped before', async () => {
    const stop = new AbortController();
    stop.abort();
    const result = await joinPatiently({
      join: () => Promise.reject(new Error('tried')),
      backOff: new BackOff({ firstMs: 1, longestMs: 1, random: () => 0 }),
      clock: new FakeClock(),
      onWaiting: () => undefined,
      stop: stop.signal,
      undo: () => undefined,
    });
    expect(result).toBeUndefined();
  });
});
