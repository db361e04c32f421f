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
  readonly #abort = new AbortController();

  constructor(source: WeightSource) {
    this.#source = source;
  }

  serve(channel: PeerChannel, request: WeightRequest): void {
    this.#answer(channel, request).catch((thrown: unknown) => {
      const error = toPeerceptronError(thrown, 'WEIGHTS_UNAVAILABLE');
      if (this.#abort.signal.aborted) return;
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
    this.#abort.abort();
  }

  async #answer(channel: PeerChannel, { request, name, box }: WeightRequest): Promise<void> {
    const tensor = this.#source.tensors.get(name);
    if (!tensor) {
      throw new PeerceptronError('WEIGHTS_MISSING', `the model has no weights named '${name}'`);
    }
    checkBox(box, tensor.shape, `weights '${name}'`);
    const { signal } = this.#abort;
    const values = await this.#source.read(name, box, signal);
    await channel.sendStream({ kind: 'weight', request }, f32ToBytes(values), { priority: 'weight', signal });
  }
}
