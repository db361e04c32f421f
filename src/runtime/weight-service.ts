import { checkBox } from '../graph/box.ts';
import { asSentence, type ControlMessage } from '../protocol/messages.ts';
import { PeerceptronError, toPeerceptronError } from '../shared/errors.ts';
import type { PeerChannel } from '../transport/channel.ts';
import type { WeightSource } from '../weights/weight-source.ts';
import { f32ToBytes } from '../protocol/codec.ts';

type WeightRequest = Extract<ControlMessage, { type: 'weight-request' }>;

/** The requester's side of weight slices: reads the asked box and streams it, behind activations. */
export class WeightService {
  readonly #source: WeightSource;
  /** One per answer under way: Node warns of a leak when a dozen streams listen to one signal. */
  readonly #answering = new Set<AbortController>();
  #closed = false;

  constructor(source: WeightSource) {
    this.#source = source;
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
    for (const abort of this.#answering) abort.abort();
  }

  async #answer(channel: PeerChannel, { request, name, box }: WeightRequest): Promise<void> {
    const tensor = this.#source.tensors.get(name);
    if (!tensor) {
      throw new PeerceptronError('WEIGHTS_MISSING', `the model has no weights named '${name}'`);
    }
    checkBox(box, tensor.shape, `weights '${name}'`);
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
      this.#answering.delete(abort);
    }
  }
}
