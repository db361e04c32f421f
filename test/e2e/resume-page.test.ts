import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Graph } from '../../src/graph/graph.ts';
import { formatRoomLink } from '../../src/protocol/room-link.ts';
import { systemClock } from '../../src/mesh/system-clock.ts';
import { RuntimeNode } from '../../src/runtime/runtime-node.ts';
import { openSession } from '../../src/runtime/session.ts';
import { asSessionId, toHex, type PeerId } from '../../src/shared/ids.ts';
import { memorySource } from '../../src/weights/memory-source.ts';
import { cuttingRtc } from '../support/cutting-rtc.ts';
import { openPageWorld, randomBytes, waitForText, type PageWorld } from '../support/page-world.ts';
import { joinReal, until } from './mesh-room.ts';

/** C3D's first activation: 51 MB. */
const SHAPE = [16, 112, 112, 64];
const SIZE = SHAPE.reduce((product, extent) => product * extent, 1);
const SIZE_BYTES = SIZE * 4;

let world: PageWorld;
beforeAll(async () => {
  world = await openPageWorld();
});
afterAll(() => world?.close());

/** Remembers what the page opens, so that a test can close it behind the page's back. */
function recordConnections(): void {
  const opened: { channel: RTCDataChannel; connection: RTCPeerConnection }[] = [];
  class Recorded extends RTCPeerConnection {
    constructor(configuration?: RTCConfiguration) {
      super(configuration);
      this.addEventListener('datachannel', ({ channel }) => opened.push({ channel, connection: this }));
    }
    override createDataChannel(
      ...parameters: Parameters<RTCPeerConnection['createDataChannel']>
    ): RTCDataChannel {
      const channel = super.createDataChannel(...parameters);
      opened.push({ channel, connection: this });
      return channel;
    }
  }
  Object.assign(window, { RTCPeerConnection: Recorded, opened });
}
declare global {
  // Only in the page, by `recordConnections`.
  var opened: { channel: RTCDataChannel; connection: RTCPeerConnection }[];
}

describe('a page whose connection is closed in the middle of a tensor', () => {
  it('[RES1] [RES7] takes 51 MB and gives 51 MB back', async () => {
    const link = world.newRoom();
    const page = await world.open('about:blank');
    await page.evaluateOnNewDocument(recordConnections);
    await page.goto(formatRoomLink(link));
    await waitForText(page, 'In the room');
    const rtc = cuttingRtc();
    const mesh = await joinReal(link, 'requester', { openRtc: rtc.openRtc });
    let channels = 0;
    const node = new RuntimeNode(mesh);
    const adopt = mesh.onChannel;
    mesh.onChannel = (channel) => {
      channels += 1;
      adopt?.(channel);
    };
    await until(mesh, () => mesh.members.size === 1);
    const [peer] = [...mesh.members.keys()] as [PeerId];
    const graph: Graph = {
      name: 'one clip',
      inputs: [{ id: 'x', shape: SHAPE }],
      nodes: [{ id: 'clip', op: { kind: 'activation', function: 'relu' }, inputs: ['x'], weights: {} }],
      outputs: ['clip'],
    };
    const box = SHAPE.map((extent) => [0, extent] as [number, number]);
    try {
      const session = await openSession({
        node,
        graph,
        weights: memorySource([]),
        plan: {
          session: asSessionId(toHex(randomBytes(16))),
          epoch: 0,
          model: graph.name,
          segments: [
            { ops: [0, 1], lanes: [{ share: 1, tiles: [{ peer, outputs: [{ tensor: 'clip', box }] }] }] },
          ],
        },
        clock: systemClock,
        window: 1,
      });
      const closing: Promise<unknown>[] = [];
      const inPage = (what: 'channel' | 'connection') => (): void =>
        void closing.push(page.evaluate((name) => globalThis.opened.at(-1)![name].close(), what));
      const faults: [isDue: () => boolean, fault: () => void][] = [
        // On the way there the network fails.
        [() => rtc.counts.sentBytes > SIZE_BYTES * 0.4, () => rtc.loseAll()],
        // On the way back the page's data channel is closed, then its whole connection.
        [() => rtc.counts.receivedBytes > SIZE_BYTES * 0.3, inPage('channel')],
        [() => rtc.counts.receivedBytes > SIZE_BYTES * 0.7, inPage('connection')],
      ];
      const pending = [...faults];
      rtc.onCount = () => {
        if (pending[0]?.[0]()) pending.shift()?.[1]();
      };
      const input = Float32Array.from({ length: SIZE }, (_, index) => (index % 1013) - 500);
      const startMs = performance.now();
      const { outputs } = await session.run([input]);
      await Promise.all(closing);
      expect(pending).toEqual([]);
      const expected = input.map((value) => Math.max(0, value));
      expect(Buffer.compare(new Uint8Array(outputs[0]!.buffer), new Uint8Array(expected.buffer))).toBe(0);
      console.log(
        `51 MB to a page and back in ${((performance.now() - startMs) / 1000).toFixed(1)} s with ${rtc.counts.opened - 1} connections rebuilt, ${((rtc.counts.sentBytes - SIZE_BYTES) / 1e6).toFixed(2)} MB sent again`,
      );
      expect(rtc.counts.opened).toBe(1 + faults.length);
      // At most what was under way: a window, and what is not acknowledged yet. Of what the page sends, chunks that the closed
      // connection still brings when the new one has taken over are under way, too.
      for (const direction of ['sentBytes', 'receivedBytes'] as const) {
        expect(rtc.counts[direction]).toBeGreaterThanOrEqual(SIZE_BYTES);
        expect(rtc.counts[direction] - SIZE_BYTES).toBeLessThanOrEqual(1.5 * 1024 * 1024);
      }
      expect(channels).toBe(1);
      await session.close();
    } finally {
      await mesh.leave();
      await page.close();
    }
  });
});
