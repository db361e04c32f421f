import { checkBox } from '../graph/box.ts';
import type { Graph } from '../graph/graph.ts';
import { asSentence, type ControlMessage } from '../protocol/messages.ts';
import { PeerceptronError, toPeerceptronError } from '../shared/errors.ts';
import type { PeerId } from '../shared/ids.ts';
import type { PeerChannel } from '../transport/channel.ts';
import type { WeightSource, WeightTensor } from '../weights/weight-source.ts';
import { f32ToBytes } from '../protocol/codec.ts';
import type { WeightSweep } from './weight-sweep.ts';

type WeightRequest = Extract<ControlMessage, { type: 'weight-request' }>;

/** The requester's side of weight slices: reads the asked box and streams it, behind activations. */
export class WeightService {
  readonly #source: WeightSource;
  readonly #sweep: WeightSweep | undefined;
  /** One per answer under way: Node warns of a leak when a dozen streams listen to one signal. */
  readonly #answering = new Set<AbortController>();
  #closed = false;

  /** With a `sweep`, peers that share a file stay close together in it. */
  constructor(source: WeightSource, sweep?: WeightSweep) {
    this.#source = source;
    this.#sweep = sweep;
  }

  /** This peer asks for nothing more: the others need not wait for it. */
  finished(peer: PeerId): void {
    this.#sweep?.finished(peer);
  }

  serve(channel: PeerChannel, request: WeightRequest): void {
    this.#answer(channel, request).catch((thrown: unknown) => {
      const error = toPeerceptronError(thrown, 'WEIGHTS_UNAVAILABLE');
      if (this.#closed) return;
      try {
        channel.sendControl({
          type: 'weight-refused',
          request: request.request,
          code: error.code,
          message: asSentence(error.message),
        });
      } catch {
        // The peer is gone; its loss ends the session elsewhere.
      }
    });
  }

  close(): void {
    this.#closed = true;
    this.#sweep?.close();
    for (const abort of this.#answering) abort.abort();
  }

  async #answer(channel: PeerChannel, { request, name, box }: WeightRequest): Promise<void> {
    const tensor = this.#source.tensors.get(name);
    if (!tensor) {
      throw new PeerceptronError('WEIGHTS_MISSING', `the model has no weights named '${name}'`);
    }
    checkBox(box, tensor.shape, `weights '${name}'`);
    const answered = await this.#sweep?.turn(channel.peer, name, box);
    if (this.#closed) return;
    const abort = new AbortController();
    this.#answering.add(abort);
    const { signal } = abort;
    try {
      const values = await this.#source.read(name, box, signal);
      await channel.sendStream({ kind: 'weight', request }, f32ToBytes(values), {
        priority: 'weight',
        signal,
      });
    } finally {
      answered?.();
      this.#answering.delete(abort);
    }
  }
}

/** By name: the axes of a tensor in the order of its file, where that is not their own. */
export function storageOrders(
  graph: Graph,
  tensors: ReadonlyMap<string, WeightTensor>,
): [name: string, order: number[]][] {
  const names = new Set(graph.nodes.flatMap((node) => Object.values(node.weights)));
  return [...names].flatMap((name): [string, number[]][] => {
    const order = tensors.get(name)?.storageOrder;
    return order ? [[name, [...order]]] : [];
  });
}
