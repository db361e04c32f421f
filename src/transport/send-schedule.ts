import type { StreamPriority } from './channel.ts';

/** What decides when a stream is served. */
export interface Scheduled {
  readonly priority: StreamPriority;
  /** Requesters that share a link take turns, so that none starves; the empty string for weights. */
  readonly session: string;
  /** Oldest frame first; 0 for weights. */
  readonly frame: number;
  /** Ties in order of arrival. */
  readonly order: number;
}

/** Activations may take nine bytes for each byte that waiting weights get. */
const ACTIVATION_BYTES_PER_WEIGHT_BYTE = 9;

/**
 * Which stream sends the next chunk: activations before weights, of one session the oldest frame first, sessions in
 * turn. Weights that wait are owed a tenth of the bytes, so that loading a plan makes progress on a busy link.
 * Holds only streams that have credit; deterministic, knows no time.
 */
export class SendSchedule<Stream extends Scheduled> {
  readonly #activations = new Map<string, Stream[]>();
  readonly #weights: Stream[] = [];
  /** Activation bytes sent while weights waited, not yet made up for. */
  #owed = 0;

  add(stream: Stream): void {
    if (stream.priority === 'weight') {
      insertInOrder(this.#weights, stream);
      return;
    }
    const queue = this.#activations.get(stream.session);
    if (queue === undefined) this.#activations.set(stream.session, [stream]);
    else insertInOrder(queue, stream);
  }

  remove(stream: Stream): void {
    const queue = stream.priority === 'weight' ? this.#weights : this.#activations.get(stream.session);
    const index = queue?.indexOf(stream) ?? -1;
    if (queue === undefined || index < 0) return;
    queue.splice(index, 1);
    if (stream.priority === 'activation' && queue.length === 0) this.#activations.delete(stream.session);
  }

  /** The stream to serve next; it stays in the schedule until removed. */
  next(chunkBytes: number): Stream | undefined {
    const weight = this.#weights[0];
    const activation = this.#activations.values().next().value?.[0];
    if (weight === undefined || activation === undefined) return activation ?? weight;
    return this.#owed >= chunkBytes * ACTIVATION_BYTES_PER_WEIGHT_BYTE ? weight : activation;
  }

  /** `stream` sent `sizeBytes`: settles the debt to weights, and it is the next session's turn. */
  served(stream: Stream, sizeBytes: number): void {
    if (stream.priority === 'weight') {
      this.#owed = Math.max(0, this.#owed - sizeBytes * ACTIVATION_BYTES_PER_WEIGHT_BYTE);
      return;
    }
    this.#owed = this.#weights.length > 0 ? this.#owed + sizeBytes : 0;
    const queue = this.#activations.get(stream.session);
    if (queue === undefined || this.#activations.size === 1) return;
    this.#activations.delete(stream.session);
    this.#activations.set(stream.session, queue);
  }
}

function insertInOrder<Stream extends Scheduled>(queue: Stream[], stream: Stream): void {
  let low = 0;
  let high = queue.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const other = queue[middle] as Stream;
    if (other.frame < stream.frame || (other.frame === stream.frame && other.order < stream.order)) {
      low = middle + 1;
    } else high = middle;
  }
  queue.splice(low, 0, stream);
}
