import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/shared/random.ts';
import { SendSchedule, type Scheduled } from '../../../src/transport/send-schedule.ts';

const CHUNK = 1000;
let arrivals = 0;
const activation = (frame: number, session = 's'): Scheduled => ({
  priority: 'activation',
  session,
  frame,
  order: arrivals++,
});
const weight = (): Scheduled => ({ priority: 'weight', session: '', frame: 0, order: arrivals++ });

function serve(schedule: SendSchedule<Scheduled>, chunks: number, sizeBytes = CHUNK): Scheduled[] {
  return Array.from({ length: chunks }, () => {
    const stream = schedule.next(CHUNK);
    if (stream === undefined) throw new Error('nothing to send');
    schedule.served(stream, sizeBytes);
    return stream;
  });
}

describe('send schedule', () => {
  it('[PR2] oldest frame first, then in order of arrival, whatever the order of adding', () => {
    for (let seed = 0; seed < 50; seed += 1) {
      const random = seededRandom(seed);
      const schedule = new SendSchedule<Scheduled>();
      const streams = Array.from({ length: 40 }, () => activation(random.integer(6)));
      for (const stream of [...streams].sort(() => random.next() - 0.5)) schedule.add(stream);
      const served: Scheduled[] = [];
      for (let stream = schedule.next(CHUNK); stream; stream = schedule.next(CHUNK)) {
        served.push(stream);
        schedule.served(stream, CHUNK);
        schedule.remove(stream);
      }
      const expected = [...streams].sort((a, b) => a.frame - b.frame || a.order - b.order);
      expect(served, `seed ${seed}`).toEqual(expected);
    }
  });

  it('[PR2] sessions take turns, however old their frames', () => {
    const schedule = new SendSchedule<Scheduled>();
    const [old, young, third] = [activation(1, 'a'), activation(900, 'b'), activation(50, 'c')];
    for (const stream of [old, young, third]) schedule.add(stream);
    const turns = serve(schedule, 300);
    for (const stream of [old, young, third]) {
      expect(turns.filter((served) => served === stream)).toHaveLength(100);
    }
  });

  it('[PR2] activations go before weights', () => {
    const schedule = new SendSchedule<Scheduled>();
    const late = activation(7);
    schedule.add(weight());
    schedule.add(late);
    expect(serve(schedule, 9).every((stream) => stream === late)).toBe(true);
  });

  it('[PR3] weights get one of every ten chunks of a link that activations fill', () => {
    const schedule = new SendSchedule<Scheduled>();
    schedule.add(weight());
    schedule.add(activation(1));
    const kinds = serve(schedule, 1000).map(({ priority }) => priority);
    for (let start = 0; start + 10 <= kinds.length; start += 1) {
      expect(kinds.slice(start, start + 10).filter((kind) => kind === 'weight')).toHaveLength(1);
    }
  });

  it('[PR3] the tenth is one of bytes: small activation chunks give weights no more than that', () => {
    const schedule = new SendSchedule<Scheduled>();
    schedule.add(weight());
    schedule.add(activation(1));
    let weightBytes = 0;
    let activationBytes = 0;
    for (let round = 0; round < 5000; round += 1) {
      const stream = schedule.next(CHUNK);
      const sizeBytes = stream?.priority === 'weight' ? CHUNK : 50;
      if (stream?.priority === 'weight') weightBytes += sizeBytes;
      else activationBytes += sizeBytes;
      if (stream) schedule.served(stream, sizeBytes);
    }
    const share = weightBytes / (weightBytes + activationBytes);
    expect(share).toBeGreaterThan(0.097);
    expect(share).toBeLessThan(0.103);
  });

  it('[PR3] no debt builds up while no weights wait', () => {
    const schedule = new SendSchedule<Scheduled>();
    schedule.add(activation(1));
    serve(schedule, 100);
    schedule.add(weight());
    expect(serve(schedule, 10).filter(({ priority }) => priority === 'weight')).toHaveLength(1);
  });

  it('[PR4] a stream that was removed holds up no other', () => {
    const schedule = new SendSchedule<Scheduled>();
    const blocked = activation(1);
    const next = activation(2);
    schedule.add(blocked);
    schedule.add(next);
    schedule.remove(blocked);
    expect(schedule.next(CHUNK)).toBe(next);
    schedule.add(blocked);
    expect(schedule.next(CHUNK)).toBe(blocked);
    schedule.remove(blocked);
    schedule.remove(next);
    expect(schedule.next(CHUNK)).toBe(undefined);
  });
});
