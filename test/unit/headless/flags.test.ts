import { describe, expect, it } from 'vitest';
import { parseShare } from '../../../headless/flags.ts';

describe('parseShare', () => {
  it('reads percent and parts', () => {
    expect(parseShare('25%')).toBe(0.25);
    expect(parseShare('0.1')).toBe(0.1);
    expect(parseShare('100%')).toBe(1);
  });

  it('refuses what is no part of a device', () => {
    for (const text of ['0', '0%', '25', '101%', '-1', '', '%', 'half', 'NaN']) {
      expect(() => parseShare(text), text).toThrow('25% or 0.25');
    }
  });
});
