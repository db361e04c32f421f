import { describe, expect, it } from 'vitest';
import { shouldRest } from '../../../../src/ui/join/battery.ts';

describe('a device on battery', () => {
  it('rests at or below the limit, and not while it is charged', () => {
    expect(shouldRest({ level: 0.2, charging: false }, 0.2, false)).toBe(true);
    expect(shouldRest({ level: 0.21, charging: false }, 0.2, false)).toBe(false);
    expect(shouldRest({ level: 0.05, charging: true }, 0.2, true)).toBe(false);
  });

  it('goes on only some way above the limit, not to and fro at it', () => {
    expect(shouldRest({ level: 0.24, charging: false }, 0.2, true)).toBe(true);
    expect(shouldRest({ level: 0.26, charging: false }, 0.2, true)).toBe(false);
  });

  it('never rests where that is wanted, or where nobody knows the charge', () => {
    expect(shouldRest({ level: 0.01, charging: false }, 0, false)).toBe(false);
    expect(shouldRest(undefined, 0.5, true)).toBe(false);
  });
});
