import { describe, expect, it } from 'vitest';
import { readRoute, routeOf, type StatsEntry } from '../../../src/transport/link-route.ts';

const candidates: readonly StatsEntry[] = [
  { id: 'L1', type: 'local-candidate', candidateType: 'host' },
  { id: 'L2', type: 'local-candidate', candidateType: 'relay' },
  { id: 'R1', type: 'remote-candidate', candidateType: 'srflx' },
];
const pair = (id: string, local: string, changes: Partial<StatsEntry> = {}): StatsEntry => ({
  id,
  type: 'candidate-pair',
  localCandidateId: local,
  remoteCandidateId: 'R1',
  state: 'succeeded',
  ...changes,
});
const transport: StatsEntry = { id: 'T', type: 'transport', selectedCandidatePairId: 'P2' };

describe('the route of a connection', () => {
  it('is that of the pair that the transport has selected', () => {
    const pairs = [pair('P1', 'L1', { nominated: true }), pair('P2', 'L2')];
    expect(routeOf([...candidates, ...pairs, transport])).toBe('relayed');
    expect(routeOf([...candidates, pair('P2', 'L1'), transport])).toBe('direct');
  });

  it('is relayed where only the other side goes by way of a server', () => {
    const remote: StatsEntry = { id: 'R2', type: 'remote-candidate', candidateType: 'relay' };
    const chosen = { ...pair('P2', 'L1'), remoteCandidateId: 'R2' };
    expect(routeOf([...candidates, remote, chosen, transport])).toBe('relayed');
  });

  it('is found without a transport: the pair that is selected, or else nominated', () => {
    expect(
      routeOf([...candidates, pair('P1', 'L1', { selected: false }), pair('P2', 'L2', { selected: true })]),
    ).toBe('relayed');
    expect(routeOf([...candidates, pair('P1', 'L2'), pair('P2', 'L1', { nominated: true })])).toBe('direct');
  });

  it('is unknown where the report does not say', async () => {
    expect(routeOf([])).toBeUndefined();
    expect(routeOf([transport, pair('P2', 'gone')])).toBeUndefined();
    expect(await readRoute({ getStats: () => Promise.reject(new Error('closed')) })).toBeUndefined();
  });
});
