import { measureRates } from './rates.ts';

declare global {
  var codecRates: typeof measureRates;
}
globalThis.codecRates = measureRates;
