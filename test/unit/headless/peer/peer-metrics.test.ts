import { describe, expect, it } from 'vitest';
import { exposition, Histogram } from '../../../../headless/peer/exposition.ts';
import { parseThrottled } from '../../../../headless/peer/device-health.ts';
import { peerMetrics, type PeerFacts } from '../../../../headless/peer/peer-metrics.ts';
import { PeerTally } from '../../../../headless/peer/peer-tally.ts';
import { PeerceptronError } from '../../../../src/shared/errors.ts';
import { asSessionId } from '../../../../src/shared/ids.ts';
import { parseExposition } from '../../../support/exposition.ts';

const session = asSessionId('fedcba9876543210fedcba9876543210');
const error = new PeerceptronError('ENGINE_FAILED', 'no');
const facts: PeerFacts = {
  version: '1.2.3',
  platform: 'node 24.0.0 linux-arm64',
  mesh: { members: 3, connected: 2, carried: { sentBytes: 1000, receivedBytes: 2_000_000 } },
  process: { cpuSeconds: 1.5, residentBytes: 9e7, startedSeconds: 1.7e9 },
  memoryLimitBytes: 4e8,
  health: { temperatures: [{ zone: 'cpu-thermal', celsius: 61.85 }], throttling: parseThrottled('50001') },
};

function busyTally(): PeerTally {
  const tally = new PeerTally();
  tally.add({ type: 'engine', engine: 'tfjs-wasm', refused: [] });
  tally.add({ type: 'joined', id: 'a', room: 'room', memoryBytes: 2e8, share: 0.5 });
  const ready = (epoch: number): void =>
    tally.add({
      type: 'serve',
      event: { type: 'session-ready', session, epoch, model: 'vgg "16"', opCount: 3, tiles: [], part: 1 },
    });
  ready(0);
  ready(1);
  // Two tiles of frame 0, one of frame 1.
  for (const [frame, computeMs] of [
    [0, 4],
    [0, 40],
    [1, 400],
  ] as const)
    tally.add({
      type: 'serve',
      event: { type: 'tile-done', session, frame, segment: 0, tile: 0, computeMs },
    });
  tally.add({ type: 'serve', event: { type: 'tile-failed', session, error } });
  return tally;
}

describe('the metrics of a peer', () => {
  it('count frames once, tiles by outcome, and how long they took', () => {
    const said = parseExposition(exposition(peerMetrics(busyTally(), facts)));
    expect(said.get('peerceptron_frames_total')).toBe(2);
    expect(said.get('peerceptron_tiles_total{outcome="done"}')).toBe(3);
    expect(said.get('peerceptron_tiles_total{outcome="failed"}')).toBe(1);
    expect(said.get('peerceptron_tile_compute_seconds_bucket{le="0.005"}')).toBe(1);
    expect(said.get('peerceptron_tile_compute_seconds_bucket{le="0.05"}')).toBe(2);
    expect(said.get('peerceptron_tile_compute_seconds_bucket{le="+Inf"}')).toBe(3);
    expect(said.get('peerceptron_tile_compute_seconds_count')).toBe(3);
    expect(said.get('peerceptron_tile_compute_seconds_sum')).toBeCloseTo(0.444);
  });

  it('say which plan of which session is here, until it ends', () => {
    const tally = busyTally();
    const epoch = 'peerceptron_plan_epoch{session="fedcba",model="vgg \\"16\\""}';
    const say = () => parseExposition(exposition(peerMetrics(tally, facts)));
    expect(say().get(epoch)).toBe(1);
    expect(say().get('peerceptron_sessions')).toBe(1);
    expect(say().get('peerceptron_sessions_total{outcome="ready"}')).toBe(2);
    tally.add({ type: 'serve', event: { type: 'session-ended', session } });
    expect(say().has(epoch)).toBe(false);
    expect(say().get('peerceptron_sessions')).toBe(0);
  });

  it('say how the connection to the room is', () => {
    const tally = new PeerTally();
    const say = (mesh = facts.mesh) => parseExposition(exposition(peerMetrics(tally, { ...facts, mesh })));
    expect(say(undefined).get('peerceptron_in_room')).toBe(0);
    tally.add({ type: 'joined', id: 'a', room: 'room', memoryBytes: 2e8, share: 0.5 });
    const there = say();
    for (const [name, value] of [
      ['peerceptron_in_room', 1],
      ['peerceptron_signaling_open', 1],
      ['peerceptron_members', 3],
      ['peerceptron_connected_peers', 2],
      ['peerceptron_sent_bytes_total', 1000],
      ['peerceptron_received_bytes_total', 2_000_000],
      ['peerceptron_memory_offered_bytes', 2e8],
      ['peerceptron_memory_limit_bytes', 4e8],
      ['peerceptron_share', 0.5],
    ] as const)
      expect(there.get(name), name).toBe(value);
    tally.add({ type: 'mesh', event: { type: 'signaling', state: 'lost', error } });
    expect(say().get('peerceptron_signaling_open')).toBe(0);
    expect(say().get('peerceptron_signaling_losses_total')).toBe(1);
    expect(say().get('peerceptron_in_room')).toBe(1);
    tally.add({ type: 'leaving' });
    expect(say().get('peerceptron_in_room')).toBe(0);
  });

  it('say how the device is, and leave out what it does not tell', () => {
    const said = parseExposition(exposition(peerMetrics(new PeerTally(), facts)));
    expect(said.get('peerceptron_device_temperature_celsius{zone="cpu-thermal"}')).toBe(61.85);
    expect(said.get('peerceptron_device_throttled{reason="under-voltage"}')).toBe(1);
    expect(said.get('peerceptron_device_throttled{reason="throttled"}')).toBe(0);
    expect(said.get('peerceptron_device_throttled_since_boot{reason="throttled"}')).toBe(1);
    expect(said.get('process_cpu_seconds_total')).toBe(1.5);
    expect(said.get('process_resident_memory_bytes')).toBe(9e7);
    const plain = exposition(
      peerMetrics(new PeerTally(), { ...facts, health: { temperatures: [], throttling: undefined } }),
    );
    expect(plain).not.toMatch(/temperature|throttled/);
  });

  it('forget an engine that died, and what it computed for', () => {
    const tally = busyTally();
    tally.add({ type: 'engine-lost', error, retryInMs: 1 });
    const said = parseExposition(exposition(peerMetrics(tally, facts)));
    expect(said.get('peerceptron_in_room')).toBe(0);
    expect(said.get('peerceptron_sessions')).toBe(0);
    expect(said.get('peerceptron_frames_total')).toBe(2);
    expect(
      said.get('peerceptron_info{version="1.2.3",engine="none",platform="node 24.0.0 linux-arm64"}'),
    ).toBe(1);
  });
});

describe('a histogram', () => {
  it('counts what lies on a bound below it', () => {
    const histogram = new Histogram([1, 2]);
    for (const value of [1, 2, 3]) histogram.observe(value);
    expect(histogram.samples().map(({ value }) => value)).toEqual([1, 2, 3, 6, 3]);
  });
});
