import { afterEach, describe, expect, it } from 'vitest';
import { ChaosRoom } from './adaptive-room.ts';

const rooms: ChaosRoom[] = [];
afterEach(async () => {
  for (const room of rooms.splice(0)) await room.stop();
});

const upTo = (count: number) => (started: number) => started < count;

async function roomOf(peers: number): Promise<ChaosRoom> {
  const room = new ChaosRoom();
  rooms.push(room);
  await room.start(peers);
  return room;
}

describe('a stream of frames over four real peers', () => {
  it('[EP4] loses no frame when one of them is killed', async () => {
    const room = await roomOf(4);
    expect(room.working().size).toBe(4);
    const victim = room.peers[1]!;
    const count = await room.stream(upTo(60), (done) => {
      if (done === 15) victim.program.process.kill('SIGKILL');
    });
    expect(count).toEqual({ started: 60, done: 60 });
    expect(room.working()).not.toContain(victim.id);
    const lost = room.events.flatMap((event) => (event.type === 'peer-lost' ? [event.peer] : []));
    expect(lost).toEqual([victim.id]);
  });

  it('[EP5] [EP7] loses no frame when one of them is stopped, which is free when it goes on', async () => {
    const room = await roomOf(4);
    const victim = room.peers[2]!;
    const count = await room.stream(upTo(60), (done) => {
      if (done === 15) victim.program.process.kill('SIGSTOP');
    });
    expect(count).toEqual({ started: 60, done: 60 });
    const lost = room.events.flatMap((event) => (event.type === 'peer-lost' ? [event.peer] : []));
    expect(lost).toEqual([victim.id]);
    victim.program.process.kill('SIGCONT');
    await victim.program.line((line) => (line.includes('"session-ended"') ? line : undefined));
  });

  it('[EP6] takes over from one that leaves, which ends in order', async () => {
    const room = await roomOf(4);
    const victim = room.peers[0]!;
    const count = await room.stream(upTo(60), (done) => {
      if (done === 15) victim.program.process.kill('SIGTERM');
    });
    expect(count).toEqual({ started: 60, done: 60 });
    const { code, stdout } = await victim.program.finished;
    expect(code).toBe(0);
    expect(stdout).toContain('"left"');
    expect(room.kinds()).not.toContain('peer-lost');
    expect(room.working()).not.toContain(victim.id);
  });

  it('is finished by the requester alone when all of them are killed', async () => {
    const room = await roomOf(3);
    const count = await room.stream(upTo(40), (done) => {
      if (done === 10) for (const { program } of room.peers) program.process.kill('SIGKILL');
    });
    expect(count).toEqual({ started: 40, done: 40 });
    expect(room.working().size).toBe(1);
    for (const { id } of room.peers) expect(room.working()).not.toContain(id);
  });
});

describe('a device that joins in the middle of a stream', () => {
  it('[EP1] is given work, and no frame is lost', async () => {
    const room = await roomOf(2);
    let joining: Promise<{ readonly id: string }> | undefined;
    let usedSince = Infinity;
    // As many frames as it takes until the newcomer computes, and some more.
    const count = await room.stream(
      (started) => started < usedSince + 20,
      (done) => {
        if (done === 5) joining = room.addPeer();
        if (room.working().size === 3) usedSince = Math.min(usedSince, done);
      },
    );
    expect(count.done).toBe(count.started);
    expect(room.working()).toContain((await joining!).id);
    expect(room.kinds()).not.toContain('peer-lost');
  });
});
