import type { PeerId } from '../../shared/ids.ts';
import type { FrameSpan, PieceSpan, TileSpan, TraceSpan } from './trace.ts';

/**
 * What the result of a frame waited for. `encode` is everything between a tile's computing and the sending of the piece, `transfer`
 * from there to its last byte at the consumer; `unknown` is time before a span that is not in the trace.
 */
export type PathStage = 'encode' | 'transfer' | 'assemble' | 'queue' | 'compute' | 'unknown';

export interface PathStep {
  readonly stage: PathStage;
  /** Who does it; of a transfer the receiver. */
  readonly device: PeerId;
  /** Of a transfer: the sender. */
  readonly from?: PeerId;
  /** The tile that computes, or that made or takes the piece; segment −1 for the requester's inputs. */
  readonly segment: number;
  readonly tile: number;
  readonly startMs: number;
  readonly endMs: number;
}

/** One frame's spans by what they belong to. */
class FrameIndex {
  readonly assembled = new Map<string, PieceSpan[]>();
  readonly pieces = new Map<string, PieceSpan>();
  readonly tiles = new Map<string, TileSpan>();
  frame: FrameSpan | undefined;

  constructor(spans: readonly TraceSpan[]) {
    for (const span of spans) {
      if ('piece' in span) {
        this.pieces.set(pieceKey(span.stage, span), span);
        if (span.stage !== 'assemble') continue;
        const key = `${span.segment}/${span.tile}`;
        const list = this.assembled.get(key);
        if (list) list.push(span);
        else this.assembled.set(key, [span]);
      } else if ('lane' in span) this.tiles.set(tileKey(span.stage, span), span);
      else if (span.stage === 'frame') this.frame = span;
    }
  }
}

const tileKey = (stage: string, { segment, tile }: { readonly segment: number; readonly tile: number }) =>
  `${stage}/${segment}/${tile}`;
const pieceKey = (
  stage: string,
  { segment, tile, input, piece }: Pick<PieceSpan, 'segment' | 'tile' | 'input' | 'piece'>,
) => `${stage}/${segment}/${tile}/${input}/${piece}`;

/**
 * Walks back from the result of one frame: through the piece that arrived last, the tile that made it, the piece that this tile
 * waited for last, and so on to the requester. The steps follow each other without gap or overlap, in order of time,
 * and together take as long as the frame. Empty for a frame without a result.
 */
export function criticalPath(spans: readonly TraceSpan[], resultSegment: number): PathStep[] {
  const index = new FrameIndex(spans);
  const { frame } = index;
  if (!frame) return [];
  const steps: PathStep[] = [];
  let cursorMs = frame.endMs;
  /** Everything since `fromMs` that is not accounted for yet. Clock errors can put `fromMs` outside of the frame. */
  const account = (fromMs: number, step: Omit<PathStep, 'startMs' | 'endMs'>): void => {
    const startMs = Math.min(cursorMs, Math.max(frame.startMs, fromMs));
    if (startMs < cursorMs) steps.push({ ...step, startMs, endMs: cursorMs });
    cursorMs = startMs;
  };

  let consumer = { segment: resultSegment, tile: 0 };
  for (;;) {
    const arrivals = index.assembled.get(`${consumer.segment}/${consumer.tile}`) ?? [];
    const last = arrivals.reduce<PieceSpan | undefined>(
      (latest, span) => (latest && latest.endMs >= span.endMs ? latest : span),
      undefined,
    );
    if (!last || last.producer.segment >= consumer.segment) break;
    const { producer } = last;
    const compute = index.tiles.get(tileKey('compute', producer));
    const receive = index.pieces.get(pieceKey('receive', last));
    const send = index.pieces.get(pieceKey('send', last));
    if (receive && send) {
      account(receive.endMs, { ...consumer, stage: 'assemble', device: last.device });
      account(send.startMs, { ...consumer, stage: 'transfer', device: last.to, from: last.from });
    } else if (last.from === last.to && compute) {
      account(compute.endMs, { ...consumer, stage: 'assemble', device: last.device });
    } else break;
    if (producer.segment < 0) {
      account(frame.startMs, { ...producer, stage: 'encode', device: last.from });
      break;
    }
    const wait = index.tiles.get(tileKey('wait', producer));
    if (!compute || !wait) break;
    account(compute.endMs, { ...producer, stage: 'encode', device: last.from });
    account(compute.startMs, { ...producer, stage: 'compute', device: last.from });
    account(wait.endMs, { ...producer, stage: 'queue', device: last.from });
    consumer = producer;
  }
  account(frame.startMs, { ...consumer, stage: 'unknown', device: frame.device });
  return steps.reverse();
}
