import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/shared/random.ts';
import { channelPair, collect, filled, piece } from './channel-pair.ts';

describe('mux', () => {
  it('[CH1] carries a stream of 51 MB unchanged', async () => {
    const { a, b } = channelPair();
    const data = filled(51_380_224, seededRandom(1));
    const received = collect(b);
    await a.sendStream(piece({ frame: 1 }), data, { priority: 'activation' });
    const [stream] = await received.complete(1);
    expect(stream?.bytes.length).toBe(data.length);
    expect(Buffer.compare(stream?.bytes ?? new Uint8Array(), data)).toBe(0);
  });
});
