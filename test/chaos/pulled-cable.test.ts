import { beforeAll, describe, expect, it } from 'vitest';
import { buildNodeProgram } from '../support/node-program.ts';
import { CableRoom, whyNoNamespaces, type Cable } from './cable-room.ts';

const missing = whyNoNamespaces();
const because = missing === undefined ? '' : ` (skipped: ${missing})`;

/** The largest tensor that VGG16 has between two layers, as many bytes. */
const TENSOR_BYTES = 51_380_224;
const FRAME_ELEMENTS = 1024 * 1024;
const FRAME_BYTES = FRAME_ELEMENTS * 4;

let program = '';
beforeAll(async () => {
  if (missing === undefined) program = await buildNodeProgram('test/chaos/cable-child.ts', 'cable-child');
});

async function inRoom(use: (room: CableRoom) => Promise<void>): Promise<void> {
  const room = new CableRoom();
  try {
    await room.open(program);
    await use(room);
  } finally {
    await room.close();
  }
}

/** Two tensors one after the other; the receiver's cables are pulled in the middle of the first. */
async function sendTensors({ sender, receiver }: CableRoom, cables: readonly Cable[], forMs?: number) {
  receiver.tell({ type: 'take', peer: sender.peer });
  await receiver.event('taking');
  const receivedBytes = TENSOR_BYTES * 0.4;
  receiver.tell({ type: 'pull-at', receivedBytes, cables, ...(forMs === undefined ? {} : { forMs }) });
  sender.tell({ type: 'send', peer: receiver.peer, requests: [1, 2], sizeBytes: TENSOR_BYTES });
  await receiver.event('pulled');
  expect(receiver.all('arrived')).toEqual([]);
}

/** That both tensors are there, in order, and no byte came twice. Returns how many connections that took. */
async function expectTensors({ sender, receiver }: CableRoom): Promise<number> {
  const { what } = await sender.event('sent');
  await receiver.event('arrived', (event) => event.what === what.at(-1));
  expect(receiver.all('arrived').map((event) => event.what)).toEqual(what);
  expect([...sender.all('closed'), ...receiver.all('closed')]).toEqual([]);
  receiver.tell({ type: 'count' });
  const { opened, receivedBytes } = await receiver.event('counts');
  expect(receivedBytes).toBe(2 * TENSOR_BYTES);
  return opened;
}

/** WebRTC takes some 15 s to say that there is no connection any more. */
const hasBroken = ({ sender, receiver }: CableRoom) =>
  Promise.race([sender.event('reconnecting'), receiver.event('reconnecting')]);

// They wait for most of their time: what is documented is some 15 s until WebRTC notices, and 30 s in which the connection may come
// back. The rest is for starting processes on a busy machine.
describe.skipIf(missing).concurrent(`a network cable${because}`, { timeout: 240_000 }, () => {
  it('[RES1] [RES7] that is pulled out in the middle of a tensor, until the connection has broken: it is rebuilt, and all arrives once', () =>
    inRoom(async (room) => {
      await sendTensors(room, ['data']);
      await hasBroken(room);
      room.receiver.tell({ type: 'plug-in', cables: ['data'] });
      expect(await expectTensors(room)).toBeGreaterThanOrEqual(2);
    }));

  it('[RES1] that is pulled out in the middle of a tensor, for four seconds, and the one to the server with it: all arrives once', () =>
    inRoom(async (room) => {
      // Less than it takes the server to strike a member off (SIG7).
      await sendTensors(room, ['data', 'server'], 4_000);
      await expectTensors(room);
    }));

  it('[RES1] [RES7] that is pulled out in the middle of frames, until the connection has broken: every frame has its result, in order', () =>
    inRoom(async (room) => {
      const { sender, receiver } = room;
      const frames = 12;
      // The weights are as large as a frame.
      receiver.tell({ type: 'pull-at', receivedBytes: FRAME_BYTES * (1 + 4.5), cables: ['data'] });
      sender.tell({ type: 'frames', peer: receiver.peer, frames, elements: FRAME_ELEMENTS });
      await receiver.event('pulled');
      await hasBroken(room);
      expect(sender.all('frame').length).toBeLessThan(frames);
      receiver.tell({ type: 'plug-in', cables: ['data'] });
      await sender.event('framesDone');
      expect(sender.all('frame').map(({ frame, isRight }) => [frame, isRight])).toEqual(
        Array.from({ length: frames }, (_, frame) => [frame, true]),
      );
      receiver.tell({ type: 'count' });
      const { opened, receivedBytes } = await receiver.event('counts');
      expect(receivedBytes).toBe(FRAME_BYTES * (1 + frames));
      expect(opened).toBeGreaterThanOrEqual(2);
    }));

  it.each<[string, readonly Cable[]]>([
    ['[RES8] that stays out ends the channel with LINK_LOST on both sides', ['data']],
    [
      '[RES8] [MESH8] that stays out ends it on both sides also where the server is gone for one of them',
      ['data', 'server'],
    ],
  ])('%s', (_, cables) =>
    inRoom(async (room) => {
      await sendTensors(room, cables);
      const ends = await Promise.all([room.sender.event('closed'), room.receiver.event('closed')]);
      expect(ends.map(({ code }) => code)).toEqual(['LINK_LOST', 'LINK_LOST']);
      const { what } = await room.sender.event('sent');
      expect(what).toEqual(['LINK_LOST', 'LINK_LOST']);
      expect((await room.receiver.event('interrupted')).code).toBe('LINK_LOST');
    }),
  );
});
