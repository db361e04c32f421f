import type { Traffic } from '../../src/mesh/mesh.ts';
import { shortId } from '../../src/shared/ids.ts';
import type { DeviceHealth } from './device-health.ts';
import type { Metric, Sample } from './exposition.ts';
import type { PeerTally } from './peer-tally.ts';

/** What is asked when somebody looks. */
export interface PeerFacts {
  readonly version: string;
  readonly platform: string;
  /** Undefined while this device is in no room. */
  readonly mesh:
    { readonly members: number; readonly connected: number; readonly carried: Traffic } | undefined;
  readonly process: {
    readonly cpuSeconds: number;
    readonly residentBytes: number;
    /** Of 1970. */
    readonly startedSeconds: number;
  };
  readonly memoryLimitBytes: number;
  readonly health: DeviceHealth;
}

const one = (value: number): Sample[] => [{ value }];
const flag = (value: boolean): number => (value ? 1 : 0);
const outcomes = (counts: Readonly<Record<string, number>>): Sample[] =>
  Object.entries(counts).map(([outcome, value]) => ({ labels: { outcome }, value }));

/** What `/metrics` says. Names and labels stay as they are within a major version; docs/raspberry-pi.md lists them. */
export function peerMetrics(tally: PeerTally, facts: PeerFacts): Metric[] {
  const { mesh, process, health } = facts;
  const throttling = Object.entries(health.throttling ?? {});
  const counter = (name: string, help: string, samples: Sample[]): Metric => ({
    name,
    help,
    type: 'counter',
    samples,
  });
  const gauge = (name: string, help: string, samples: Sample[]): Metric => ({
    name,
    help,
    type: 'gauge',
    samples,
  });
  return [
    gauge('peerceptron_info', 'Version, engine and platform of this peer.', [
      {
        labels: { version: facts.version, engine: tally.engine ?? 'none', platform: facts.platform },
        value: 1,
      },
    ]),
    gauge(
      'peerceptron_in_room',
      '1 while this device is a member of its room.',
      one(flag(tally.phase === 'in-room')),
    ),
    gauge(
      'peerceptron_signaling_open',
      "1 while the room's server can be reached; connections to other devices live without it.",
      one(flag(tally.phase === 'in-room' && tally.signaling === 'open')),
    ),
    counter('peerceptron_joins_total', 'How often the room was entered.', one(tally.joins)),
    counter(
      'peerceptron_signaling_losses_total',
      "How often the room's server was lost.",
      one(tally.signalingLosses),
    ),
    gauge('peerceptron_members', 'Other devices in the room.', one(mesh?.members ?? 0)),
    gauge(
      'peerceptron_connected_peers',
      'Other devices that this one is connected to.',
      one(mesh?.connected ?? 0),
    ),
    counter(
      'peerceptron_sent_bytes_total',
      'Bytes sent to other devices.',
      one(mesh?.carried.sentBytes ?? 0),
    ),
    counter(
      'peerceptron_received_bytes_total',
      'Bytes received from other devices.',
      one(mesh?.carried.receivedBytes ?? 0),
    ),
    counter('peerceptron_frames_total', 'Frames that this device computed a part of.', one(tally.frames)),
    counter('peerceptron_tiles_total', 'Tiles of frames, by outcome.', outcomes(tally.tiles)),
    {
      name: 'peerceptron_tile_compute_seconds',
      help: 'How long tiles took to compute.',
      type: 'histogram',
      samples: tally.computeSeconds.samples(),
    },
    counter('peerceptron_sessions_total', 'Plans of sessions, by outcome.', outcomes(tally.sessions)),
    gauge('peerceptron_sessions', 'Sessions that this device computes for.', one(tally.serving.size)),
    gauge(
      'peerceptron_plan_epoch',
      'Epoch of the latest plan of each session.',
      [...tally.serving].map(([session, { model, epoch }]) => ({
        labels: { session: shortId(session), model },
        value: epoch,
      })),
    ),
    gauge('peerceptron_share', 'Part of the processor that the mesh gets.', one(tally.share)),
    gauge('peerceptron_memory_offered_bytes', 'Memory that plans may take.', one(tally.memoryBytes)),
    gauge(
      'peerceptron_memory_limit_bytes',
      'Memory that this process may use: of the machine, or of its control group.',
      one(facts.memoryLimitBytes),
    ),
    counter('process_cpu_seconds_total', 'Processor time, user and system.', one(process.cpuSeconds)),
    gauge('process_resident_memory_bytes', 'Resident memory.', one(process.residentBytes)),
    gauge(
      'process_start_time_seconds',
      'When this process was started, since 1970.',
      one(process.startedSeconds),
    ),
    gauge(
      'peerceptron_device_temperature_celsius',
      'Temperature of the device, by thermal zone.',
      health.temperatures.map(({ zone, celsius }) => ({ labels: { zone }, value: celsius })),
    ),
    gauge(
      'peerceptron_device_throttled',
      '1 while the firmware of a Raspberry Pi holds it back, by reason.',
      throttling.map(([reason, { now }]) => ({ labels: { reason }, value: flag(now) })),
    ),
    gauge(
      'peerceptron_device_throttled_since_boot',
      '1 where that has happened since the device was started.',
      throttling.map(([reason, { sinceBoot }]) => ({ labels: { reason }, value: flag(sinceBoot) })),
    ),
  ];
}
