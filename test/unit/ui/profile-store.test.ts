import { describe, expect, it } from 'vitest';
import { storedProfile, type ProfileStorage } from '../../../src/ui/profile-store.ts';
import { profileOf } from '../../support/test-profile.ts';

function openStorage(): ProfileStorage & { readonly items: Map<string, string> } {
  const items = new Map<string, string>();
  return {
    items,
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
  };
}
const device = { userAgent: 'Chrome 140', engine: 'tfjs-wasm' };

describe('the profile that a page keeps', () => {
  it('is measured once per browser and engine', async () => {
    const storage = openStorage();
    let measured = 0;
    const measure = async () => profileOf((measured += 1));
    const profileFor = (of: typeof device) => storedProfile(() => storage, of, measure);
    expect(await profileFor(device)).toEqual(profileOf(1));
    expect(await profileFor(device)).toEqual(profileOf(1));
    expect(await profileFor({ ...device, engine: 'tfjs-webgl' })).toEqual(profileOf(2));
    expect(await profileFor({ ...device, userAgent: 'Chrome 141', engine: 'tfjs-webgl' })).toEqual(
      profileOf(3),
    );
    expect(measured).toBe(3);
  });

  it('is measured anew where what is stored is damaged', async () => {
    const storage = openStorage();
    await storedProfile(
      () => storage,
      device,
      async () => profileOf(1),
    );
    const [[key, text]] = [...storage.items] as [[string, string]];
    for (const damaged of ['', '{', text.replace(/"tileMs":[^,]+/, '"tileMs":-1'), 'null']) {
      storage.items.set(key, damaged);
      expect(
        await storedProfile(
          () => storage,
          device,
          async () => profileOf(2),
        ),
      ).toEqual(profileOf(2));
    }
  });

  it('is measured where the browser forbids to store anything', async () => {
    const forbidden = (): ProfileStorage => {
      throw new Error('SecurityError');
    };
    expect(await storedProfile(forbidden, device, async () => profileOf(2))).toEqual(profileOf(2));
  });
});
