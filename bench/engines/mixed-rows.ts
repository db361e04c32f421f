import { median, type Row } from '../benchmark.ts';
import { SAME } from './in-turns.ts';

/** Each of the two alone, then both. */
export const SETTINGS = ['native', 'chromium', 'both'] as const;
export type MixedSetting = (typeof SETTINGS)[number];

/** Frames per second, measured one shortly after the other. */
export type MixedRound = Readonly<Record<MixedSetting, number>>;

export interface MixedFindings {
  /** The largest of all answers, relative to the unsplit model's largest value. */
  readonly difference: number;
  /** The devices to which the planner gave nothing to do, though it might have. */
  readonly unused: readonly string[];
}

const WORDS: Readonly<Record<MixedSetting, string>> = {
  native: 'native in Node alone',
  chromium: 'wasm in Chromium alone',
  both: 'native in Node and wasm in Chromium together',
};

export function mixedRows(rounds: readonly MixedRound[], { difference, unused }: MixedFindings): Row[] {
  const without = unused.length > 0 ? ` (planned without ${unused.join(', ')})` : '';
  const together = `vgg16, ${WORDS.both}${without}`;
  const ratio = median(rounds.map(({ native, chromium, both }) => both / (native + chromium)));
  return [
    { name: `${together}, over the sum of both alone`, value: ratio, unit: '×', goal: { atLeast: 0.9 } },
    ...SETTINGS.map((setting) => ({
      name: setting === 'both' ? together : `vgg16, ${WORDS[setting]}`,
      value: median(rounds.map((round) => round[setting])),
      unit: 'frames/s',
      goal: null,
    })),
    { name: 'vgg16, Node and Chromium: largest relative difference from the unsplit model', value: difference, unit: '', goal: SAME },
  ]; // prettier-ignore
}
