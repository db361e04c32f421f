import type { Benchmark } from './benchmark.ts';
import { accuracyRows } from './codec/accuracy.ts';
import { chromiumRates } from './codec/chromium.ts';
import { measureRates, type CodecRate } from './codec/rates.ts';
import type { Row } from './benchmark.ts';

const GOAL = { atLeast: 1 };

const rateRows = (where: string, rates: readonly CodecRate[]): Row[] =>
  rates.flatMap(({ name, gbPerSecond, overCopy, isCopy }) =>
    isCopy
      ? [{ name: `${where}: ${name}`, value: gbPerSecond, unit: 'GB/s', goal: null }]
      : [
          { name: `${where}: ${name}`, value: gbPerSecond, unit: 'GB/s', goal: GOAL },
          { name: `${where}: ${name}, of the rate of a copy`, value: overCopy, unit: '×', goal: null },
        ],
  );

export const codec: Benchmark = {
  summary: 'f16 and u8: rates in bytes of f32, bytes per frame, and what they do to the answers of MobileNet',
  async run(context) {
    context.say('rates in Node');
    const rows = rateRows('Node', await measureRates(context.quick));
    context.say('rates in Chromium');
    rows.push(...rateRows('Chromium', await chromiumRates(context)));
    rows.push(...(await accuracyRows(context)));
    return rows;
  },
};
