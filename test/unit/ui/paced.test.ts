import { expect, it } from 'vitest';
import { paced } from '../../../src/ui/paced.ts';
import { FakeClock } from '../mesh/fake-clock.ts';

it('what changes all the time is passed on at once, then at its pace, and the last of it always', async () => {
  const clock = new FakeClock();
  const shown: (readonly [atMs: number, value: number])[] = [];
  const show = paced<number>(clock, 50, (value) => shown.push([clock.now(), value]));
  for (let value = 0; value < 100; value += 1) {
    show(value);
    await clock.advance(2);
  }
  await clock.advance(1000);
  expect(shown).toEqual([
    [0, 0],
    [50, 24],
    [100, 49],
    [150, 74],
    [200, 99],
  ]);
  show(7);
  expect(shown.at(-1)).toEqual([1200, 7]);
});
