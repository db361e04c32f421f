import type { OpenedRtc, OpenRtc, RtcConnection } from '../../src/transport/rtc.ts';

export interface RtcPair {
  readonly connections: readonly [offering: RtcConnection, answering: RtcConnection];
  readonly a: OpenedRtc;
  readonly b: OpenedRtc;
}

/** Two ends in one process, signals handed over directly. */
export function startRtcPair(open: OpenRtc): readonly [RtcConnection, RtcConnection] {
  const offering = open({ initiator: true, iceServers: [] });
  const answering = open({ initiator: false, iceServers: [] });
  offering.onSignal = (signal) => answering.signal(signal);
  answering.onSignal = (signal) => offering.signal(signal);
  return [offering, answering];
}

export async function connectRtcPair(open: OpenRtc): Promise<RtcPair> {
  const connections = startRtcPair(open);
  const [a, b] = await Promise.all([connections[0].opened, connections[1].opened]);
  return { connections, a, b };
}
