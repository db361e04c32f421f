import type { LinkRoute } from './rtc.ts';

/** What is looked at in a report of `RTCPeerConnection.getStats`; browsers and libwebrtc's binding agree on so much. */
export interface StatsEntry {
  readonly id: string;
  readonly type: string;
  readonly selectedCandidatePairId?: string;
  readonly localCandidateId?: string;
  readonly remoteCandidateId?: string;
  readonly candidateType?: string;
  readonly state?: string;
  readonly nominated?: boolean;
  /** Of Firefox, which has no transport in its report. */
  readonly selected?: boolean;
}

/** How the connection's packets go now; undefined where the report does not say. */
export function routeOf(report: Iterable<StatsEntry>): LinkRoute | undefined {
  const entries = new Map([...report].map((entry) => [entry.id, entry]));
  const all = [...entries.values()];
  const chosen = all.find(({ type }) => type === 'transport')?.selectedCandidatePairId;
  const pair =
    (chosen === undefined ? undefined : entries.get(chosen)) ??
    all.find(
      ({ type, selected, nominated, state }) =>
        type === 'candidate-pair' && (selected ?? (nominated === true && state === 'succeeded')),
    );
  const kinds = [pair?.localCandidateId, pair?.remoteCandidateId].map((id) =>
    id === undefined ? undefined : entries.get(id)?.candidateType,
  );
  if (kinds.includes('relay')) return 'relayed';
  return kinds.every((kind) => kind !== undefined) ? 'direct' : undefined;
}

/** Asks a connection; never rejects. */
export async function readRoute(
  connection: Pick<RTCPeerConnection, 'getStats'>,
): Promise<LinkRoute | undefined> {
  try {
    const report = (await connection.getStats()) as ReadonlyMap<string, StatsEntry>;
    return routeOf(report.values());
  } catch {
    // Closed meanwhile, or it tells nothing.
    return undefined;
  }
}
