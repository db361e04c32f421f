import { describe, expect, it } from 'vitest';
import {
  changedSettings,
  defaultSettings,
  memoryRange,
  readSettings,
  writeSettings,
  type SettingsStorage,
} from '../../../../src/ui/join/device-settings.ts';

const defaults = { name: 'Chrome on Linux', memoryBytes: 1e9 };
const plain = defaultSettings(defaults);

function fakeStorage(initial?: string): SettingsStorage & { value: string | null } {
  return {
    value: initial ?? null,
    getItem() {
      return this.value;
    },
    setItem(_, value) {
      this.value = value;
    },
  };
}

describe('what is decided about a device', () => {
  it('holds at the next visit, and what was not decided follows the browser', () => {
    const storage = fakeStorage();
    const chosen = changedSettings(plain, { name: 'Ada', share: 0.25 }, defaults);
    writeSettings(() => storage, chosen, defaults);
    expect(readSettings(() => storage, defaults)).toEqual(chosen);
    const updated = { name: 'Chrome on Linux', memoryBytes: 2e9 };
    expect(readSettings(() => storage, updated)).toMatchObject({
      name: 'Ada',
      share: 0.25,
      memoryBytes: 2e9,
    });
  });

  it.each([
    ['nothing', undefined],
    ['no JSON', '{'],
    ['something else', '[1]'],
    ['a share that is not offered', '{"share":0.9}'],
    ['an empty name', '{"name":"  "}'],
  ])('is the default where storage holds %s', (_, value) => {
    expect(readSettings(() => fakeStorage(value), defaults)).toEqual(plain);
  });

  it('works without storage', () => {
    const none = (): SettingsStorage => {
      throw new Error('forbidden');
    };
    expect(readSettings(none, defaults)).toEqual(plain);
    expect(() => writeSettings(none, plain, defaults)).not.toThrow();
  });

  it('keeps to what can be given', () => {
    const { leastBytes, mostBytes } = memoryRange(defaults);
    const change = (changes: Partial<typeof plain>) => changedSettings(plain, changes, defaults);
    expect(change({ memoryBytes: 1e12 }).memoryBytes).toBe(mostBytes);
    expect(change({ memoryBytes: 0 }).memoryBytes).toBe(leastBytes);
    expect(change({ share: 0.33 }).share).toBe(1);
    expect(change({ restBelow: 0.9 }).restBelow).toBe(plain.restBelow);
    expect(change({ name: '   ' }).name).toBe('Chrome on Linux');
    expect(change({ name: `  ${'x'.repeat(100)}` }).name).toHaveLength(60);
  });
});
