import { describe, expect, it } from 'vitest';
import { parseDeviceProfile } from '../../../src/planner/profile-schema.ts';
import { testProfile } from '../../support/test-profile.ts';

const withRate = (rate: unknown): unknown => ({
  ...testProfile,
  rates: { ...testProfile.rates, conv: rate },
});
const withTransport = (change: Record<string, unknown>): unknown => ({
  ...testProfile,
  transport: { ...testProfile.transport, ...change },
});

describe('a profile from outside', () => {
  it('is taken as it was sent', () => {
    expect(parseDeviceProfile(JSON.parse(JSON.stringify(testProfile)))).toEqual(testProfile);
  });

  it.each([
    ['no object', 7],
    ['an unknown field', { ...testProfile, admin: true }],
    ['a missing class', { ...testProfile, rates: { conv: testProfile.rates.conv } }],
    ['a negative rate', withRate({ stepMs: 0, msPerMac: -1e-8, msPerByte: 1e-7 })],
    ['a rate that is no number', withRate({ stepMs: 0, msPerMac: Number.NaN, msPerByte: 1e-7 })],
    ['an infinite rate', withRate({ stepMs: Infinity, msPerMac: 1e-8, msPerByte: 0 })],
    ['a rate of years', withRate({ stepMs: 1e12, msPerMac: 1e-8, msPerByte: 0 })],
    ['a class that takes no time at all', withRate({ stepMs: 1, msPerMac: 0, msPerByte: 0 })],
    ['more cores than there are', { ...testProfile, cores: 1e9 }],
    ['half a core', { ...testProfile, cores: 0.5 }],
    ['a network that carries nothing', withTransport({ uplinkBytesPerMs: 0 })],
    ['a network that carries everything', withTransport({ downlinkBytesPerMs: 1e300 })],
    ['a long name', { ...testProfile, engine: 'x'.repeat(10_000) }],
  ])('is refused for %s', (_why, raw) => {
    expect(() => parseDeviceProfile(raw)).toThrow(expect.objectContaining({ code: 'PROTOCOL_MALFORMED' }));
  });
});
