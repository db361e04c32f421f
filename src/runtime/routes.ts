import { REQUESTER, type CompiledPlan, type Delivery, type Piece } from '../planner/compiled-plan.ts';
import { encodedBytes, type WireCodec } from '../planner/codec.ts';
import type { PieceMeta } from '../protocol/messages.ts';
import { PeerceptronError } from '../shared/errors.ts';
import type { PeerId } from '../shared/ids.ts';

/** Who takes a delivery: the peer of the consuming tile, or the requester. */
export function consumerOf(
  compiled: CompiledPlan,
  lanes: readonly number[],
  delivery: Delivery,
  requester: PeerId,
): PeerId {
  if (delivery.segment === compiled.plan.segments.length) return requester;
  return compiled.tile(delivery.segment, lanes[delivery.segment]!, delivery.tile).peer;
}

/** What announces a delivery of a frame to its consumer. */
export function pieceMeta(
  compiled: CompiledPlan,
  frame: number,
  lanes: readonly number[],
  delivery: Delivery,
  codec: WireCodec = delivery.codec,
): PieceMeta {
  const { session, epoch } = compiled.plan;
  const { segment, tile, input, piece } = delivery;
  return {
    kind: 'piece',
    session,
    epoch,
    frame,
    lanes: [...lanes],
    segment,
    tile,
    input,
    piece,
    codec,
  };
}

/** Throws `PROTOCOL_MALFORMED` unless `lanes` names an existing lane of every segment. */
export function checkLanes(compiled: CompiledPlan, lanes: readonly number[]): void {
  const { segments } = compiled.plan;
  const valid =
    lanes.length === segments.length && lanes.every((lane, i) => lane < segments[i]!.lanes.length);
  if (!valid) {
    throw new PeerceptronError('PROTOCOL_MALFORMED', `lanes [${lanes.join(', ')}] do not exist in this plan`);
  }
}

/** Finds the expected piece, and refuses one from the wrong peer, in the wrong codec or of the wrong size. */
export function checkPiece(
  compiled: CompiledPlan,
  pieces: readonly Piece[],
  meta: PieceMeta,
  sender: PeerId,
  requester: PeerId,
  totalBytes: number,
): Piece {
  const piece = pieces[meta.piece];
  const what = `piece ${meta.piece} of input ${meta.input} for segment ${meta.segment}, tile ${meta.tile}`;
  if (!piece) throw new PeerceptronError('PROTOCOL_MALFORMED', `${what} is not part of this plan`);
  const producer =
    piece.segment === REQUESTER
      ? requester
      : compiled.tile(piece.segment, meta.lanes[piece.segment]!, piece.tile).peer;
  if (producer !== sender) {
    throw new PeerceptronError('PROTOCOL_MALFORMED', `${what} came from a peer that does not make it`);
  }
  const isPicture = meta.codec === 'pixels' && piece.segment === REQUESTER;
  if (meta.codec !== piece.codec && !isPicture) {
    throw new PeerceptronError(
      'PROTOCOL_MALFORMED',
      `${what} came as ${meta.codec}, and the plan says ${piece.codec}`,
    );
  }
  const expectedBytes = encodedBytes(meta.codec, piece.region);
  if (totalBytes !== expectedBytes) {
    throw new PeerceptronError(
      'PROTOCOL_MALFORMED',
      `${what} announces ${totalBytes} bytes instead of ${expectedBytes} (${meta.codec})`,
    );
  }
  return piece;
}
