import type { Box } from '../../graph/box.ts';
import type { PeerId } from '../../shared/ids.ts';
import type { PieceSpan, TileSpan, Trace, TracedTile, TraceSpan } from './trace.ts';

/**
 * The Trace Event Format that chrome://tracing and Perfetto read: complete events (X), flows (s, f), counters (C) and
 * metadata (M); times in microseconds.
 */
export interface ChromeEvent {
  readonly ph: 'X' | 's' | 'f' | 'C' | 'M';
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly ts?: number;
  readonly dur?: number;
  readonly cat?: string;
  readonly id?: number;
  /** Binds the end of a flow to the event that encloses it. */
  readonly bp?: 'e';
  readonly args?: Readonly<Record<string, unknown>>;
}

export interface ChromeTrace {
  readonly traceEvents: readonly ChromeEvent[];
  readonly displayTimeUnit: 'ms';
  readonly otherData: Readonly<Record<string, unknown>>;
}

/** Rows of a device from top to bottom. Events of one row that overlap are dealt to further rows of the same name. */
const ROWS = ['frames', 'receive', 'assemble', 'wait', 'compute', 'encode', 'send'] as const;
type Row = (typeof ROWS)[number];
const MAX_LANES = 1000;

const rowOf = ({ stage }: TraceSpan): Row =>
  stage === 'frame' || stage === 'admit' ? 'frames' : stage === 'queue' ? 'wait' : stage;

/** Whole nanoseconds, so that rounding moves no event over its neighbour. */
const micros = (ms: number): number => Math.round(ms * 1e6) / 1e3;

/** `nameOf`: how a device is called in the room. */
export function chromeTrace(trace: Trace, nameOf: (peer: PeerId) => string): ChromeTrace {
  const peers = [trace.requester, ...trace.devices.map(({ peer }) => peer)];
  const pidOf = new Map(peers.map((peer, index) => [peer, index + 1]));
  const events: ChromeEvent[] = [];
  const rows = new Rows();
  const sends = new Map<string, { readonly event: ChromeEvent; readonly span: PieceSpan }>();
  const receives: { readonly event: ChromeEvent; readonly span: PieceSpan }[] = [];
  for (const span of trace.spans) {
    const pid = pidOf.get(span.device)!;
    const ts = micros(span.startMs);
    const dur = Math.max(0, Math.round((micros(span.endMs) - ts) * 1e3) / 1e3);
    const event: ChromeEvent = {
      ph: 'X',
      name: labelOf(span),
      cat: span.stage,
      pid,
      tid: rows.place(pid, rowOf(span), ts, ts + dur),
      ts,
      dur,
      args: argsOf(span, trace.tiles, nameOf),
    };
    events.push(event);
    if (span.stage === 'send') sends.set(pieceKey(span), { event, span });
    else if (span.stage === 'receive') receives.push({ event, span });
  }
  let flows = 0;
  for (const { event, span } of receives) {
    const send = sends.get(pieceKey(span))?.event;
    if (!send) continue;
    const flow = { name: 'piece', cat: 'flow', id: ++flows } as const;
    events.push({ ...flow, ph: 's', pid: send.pid, tid: send.tid, ts: send.ts! });
    // Inside of the event that it is bound to, and not before it began, whatever the error of the clocks.
    const ts = Math.min(event.ts! + event.dur!, Math.max(event.ts!, send.ts!));
    events.push({ ...flow, ph: 'f', bp: 'e', pid: event.pid, tid: event.tid, ts });
  }
  events.push(...framesInFlight(trace, pidOf.get(trace.requester)!));
  events.sort((a, b) => a.ts! - b.ts!);
  return {
    traceEvents: [...metadata(trace, pidOf, nameOf), ...rows.metadata(), ...events],
    displayTimeUnit: 'ms',
    otherData: {
      model: trace.model,
      requester: trace.requester,
      clocks: trace.devices.map(({ peer, clockOffsetMs, clockErrorMs, lostSpans }) => ({
        peer,
        name: nameOf(peer),
        offsetMs: clockOffsetMs,
        errorMs: clockErrorMs,
        lostSpans,
      })),
    },
  };
}

/** Deals events to threads so that no two of one thread overlap; viewers would drop one of them. */
class Rows {
  readonly #ends = new Map<string, { readonly pid: number; readonly row: Row; readonly ends: number[] }>();

  place(pid: number, row: Row, start: number, end: number): number {
    const key = `${pid}/${row}`;
    const entry = this.#ends.get(key) ?? { pid, row, ends: [] };
    this.#ends.set(key, entry);
    let lane = entry.ends.findIndex((free) => free <= start);
    if (lane < 0) lane = entry.ends.push(end) - 1;
    else entry.ends[lane] = end;
    return Rows.#tid(row, lane);
  }

  metadata(): ChromeEvent[] {
    return [...this.#ends.values()].flatMap(({ pid, row, ends }) =>
      ends.flatMap((_, lane): ChromeEvent[] => {
        const tid = Rows.#tid(row, lane);
        const name = lane === 0 ? row : `${row} ${lane + 1}`;
        return [
          { ph: 'M', name: 'thread_name', pid, tid, args: { name } },
          { ph: 'M', name: 'thread_sort_index', pid, tid, args: { sort_index: tid } },
        ];
      }),
    );
  }

  static #tid(row: Row, lane: number): number {
    return (ROWS.indexOf(row) + 1) * MAX_LANES + lane;
  }
}

const pieceKey = ({ frame, segment, tile, input, piece }: PieceSpan): string =>
  `${frame}/${segment}/${tile}/${input}/${piece}`;

const labelOf = (span: TraceSpan): string => `${span.stage} ${span.frame}`;

function argsOf(
  span: TraceSpan,
  tiles: readonly TracedTile[],
  nameOf: (peer: PeerId) => string,
): Record<string, unknown> {
  const { frame } = span;
  if ('piece' in span) {
    const { from, to, producer, segment, tile, input, piece, sizeBytes } = span;
    return {
      frame,
      from: nameOf(from),
      to: nameOf(to),
      madeBySegment: producer.segment,
      madeByTile: producer.tile,
      segment,
      tile,
      input,
      piece,
      ...(sizeBytes > 0 ? { bytes: sizeBytes } : {}),
    };
  }
  if (!('lane' in span)) return { frame };
  const { segment, lane, tile } = span;
  const place = tiles.find((other) => isAt(other, span));
  return {
    frame,
    segment,
    lane,
    tile,
    ...(place
      ? {
          ops: `${place.ops[0]}–${place.ops[1] - 1} (${place.firstOp} … ${place.lastOp})`,
          box: place.outputs.map(({ tensor, box }) => `${tensor} ${formatBox(box)}`).join(', '),
        }
      : {}),
  };
}

const isAt = (a: TracedTile, b: TileSpan): boolean =>
  a.segment === b.segment && a.lane === b.lane && a.tile === b.tile;

const formatBox = (box: Box): string => box.map(([start, end]) => `[${start}, ${end})`).join(' × ');

function framesInFlight({ spans }: Trace, pid: number): ChromeEvent[] {
  const changes = spans
    .filter(({ stage }) => stage === 'frame')
    .flatMap(({ startMs, endMs }) => [
      { ts: micros(startMs), by: 1 },
      { ts: micros(endMs), by: -1 },
    ])
    .sort((a, b) => a.ts - b.ts || a.by - b.by);
  let frames = 0;
  return changes.map(({ ts, by }) => {
    frames += by;
    return { ph: 'C', name: 'frames in flight', pid, tid: 0, ts, args: { frames } };
  });
}

function metadata(
  trace: Trace,
  pidOf: ReadonlyMap<PeerId, number>,
  nameOf: (peer: PeerId) => string,
): ChromeEvent[] {
  return [...pidOf].flatMap(([peer, pid]): ChromeEvent[] => {
    const device = trace.devices.find((other) => other.peer === peer);
    const labels = device ? `clock ± ${device.clockErrorMs.toFixed(3)} ms` : 'requester';
    return [
      { ph: 'M', name: 'process_name', pid, tid: 0, args: { name: nameOf(peer) } },
      { ph: 'M', name: 'process_labels', pid, tid: 0, args: { labels } },
      { ph: 'M', name: 'process_sort_index', pid, tid: 0, args: { sort_index: pid } },
    ];
  });
}
