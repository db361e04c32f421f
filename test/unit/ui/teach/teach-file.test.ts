import { describe, expect, it } from 'vitest';
import { PeerceptronError } from '../../../../src/shared/errors.ts';
import { formatLesson, parseLesson, type Lesson } from '../../../../src/ui/teach/teach-file.ts';

const lesson: Lesson = {
  network: { name: 'digits', tensor: 'dense1/relu', size: 3, weights: 'file' },
  choice: { kind: 'bundled' },
  classes: [
    { name: 'cup', examples: [Float32Array.of(0.5, -0.25, 1e-7), Float32Array.of(1, 0, 0)] },
    { name: '', examples: [] },
  ],
};

const refusal = (text: string): PeerceptronError => {
  try {
    parseLesson(text);
  } catch (error) {
    if (error instanceof PeerceptronError) return error;
  }
  throw new Error('it was accepted');
};

const changed = (change: (json: Record<string, never>) => unknown): string => {
  const json = JSON.parse(formatLesson(lesson)) as Record<string, never>;
  return JSON.stringify(change(json) ?? json);
};

describe('a file of what was taught', () => {
  it('comes back as it was', () => {
    expect(parseLesson(formatLesson(lesson))).toEqual(lesson);
    const { choice: _, ...ofFiles } = lesson;
    expect(parseLesson(formatLesson(ofFiles))).toEqual(ofFiles);
  });

  it.each([
    ['no JSON', '{"format": "peer'],
    ['no such file', '{"format": "something else", "version": 1}'],
    ['nothing', 'null'],
    ['a list', '[]'],
    ['no classes', changed(({ classes: _, ...rest }) => rest)],
    ['a network without a size', changed((json) => ({ ...json, network: { name: 'digits' } }))],
    ['a choice of no kind', changed((json) => ({ ...json, choice: { kind: 'magic' } }))],
    ['too few numbers', changed((json) => ({ ...json, classes: [{ name: 'a', examples: ['AAAA'] }] }))],
    [
      'what is no number',
      // Three times 0xff 0xff 0xff 0xff: NaN.
      changed((json) => ({ ...json, classes: [{ name: 'a', examples: ['________________'] }] })),
    ],
    [
      'more classes than a page has',
      changed((json) => ({ ...json, classes: new Array(51).fill({ name: 'a', examples: [] }) })),
    ],
  ])('is refused with a code: %s', (_name, text) => {
    expect(refusal(text).code).toBe('MODEL_CORRUPT');
  });

  it('names the place that is wrong', () => {
    const text = changed((json) => ({ ...json, classes: [{ name: 'a', examples: [1] }] }));
    expect(refusal(text).message).toContain('classes.0.examples.0');
  });

  it('of a later version is told from a damaged one', () => {
    const error = refusal(changed((json) => ({ ...json, version: 2 })));
    expect(error.code).toBe('MODEL_UNSUPPORTED');
    expect(error.message).toContain('version 2');
  });
});
