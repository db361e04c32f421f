import type { ControlMessage } from '../protocol/messages.ts';
import type { Clock } from '../shared/clock.ts';
import { PeerceptronError, toPeerceptronError } from '../shared/errors.ts';
import { shortId } from '../shared/ids.ts';
import type { PeerChannel } from '../transport/channel.ts';

export type SurveyQuestion = Extract<ControlMessage, { type: 'profile-request' | 'measure-link' }>;
export type SurveyAnswer = Extract<
  ControlMessage,
  { type: 'profile' | 'link' | 'link-trips' | 'survey-refused' }
>;
type Unnumbered<Q> = Q extends unknown ? Omit<Q, 'request'> : never;

interface Waiting {
  readonly channel: PeerChannel;
  readonly resolve: (answer: SurveyAnswer | undefined) => void;
  readonly reject: (error: PeerceptronError) => void;
}

/** Questions of this device that are not answered yet, over all channels; an answer counts only on the channel of its question. */
export class Questions {
  readonly #waiting = new Map<number, Waiting>();
  #next = 1;

  /** Rejects with the code of a refusal, LINK_TIMEOUT when nothing comes, or what ended the channel. */
  async ask(
    channel: PeerChannel,
    question: Unnumbered<SurveyQuestion>,
    clock: Clock,
    timeoutMs: number,
  ): Promise<Exclude<SurveyAnswer, { type: 'survey-refused' }>> {
    const answer = await this.#send(channel, (request) => ({ ...question, request }), clock, timeoutMs);
    if (answer && answer.type !== 'survey-refused') return answer;
    const { code, message } = answer ?? {
      code: 'PROTOCOL_MALFORMED' as const,
      message: 'a pong for an answer',
    };
    throw new PeerceptronError(code, `peer ${shortId(channel.peer)}: ${message}`);
  }

  /** Milliseconds there and back. */
  async ping(channel: PeerChannel, clock: Clock, timeoutMs: number): Promise<number> {
    const since = clock.now();
    await this.#send(channel, (nonce) => ({ type: 'ping', nonce }), clock, timeoutMs);
    return clock.now() - since;
  }

  /** What nobody asked, or what comes too late, is no fault. */
  onAnswer(channel: PeerChannel, message: SurveyAnswer): void {
    this.#settle(channel, message.request, message);
  }

  onPong(channel: PeerChannel, nonce: number): void {
    this.#settle(channel, nonce, undefined);
  }

  onChannelClosed(channel: PeerChannel, error: PeerceptronError | undefined): void {
    for (const [id, waiting] of this.#waiting) {
      if (waiting.channel !== channel) continue;
      this.#waiting.delete(id);
      waiting.reject(error ?? new PeerceptronError('LINK_CLOSED', `peer ${shortId(channel.peer)} left`));
    }
  }

  #settle(channel: PeerChannel, id: number, answer: SurveyAnswer | undefined): void {
    const waiting = this.#waiting.get(id);
    if (waiting?.channel !== channel) return;
    this.#waiting.delete(id);
    waiting.resolve(answer);
  }

  #send(
    channel: PeerChannel,
    message: (id: number) => ControlMessage,
    clock: Clock,
    timeoutMs: number,
  ): Promise<SurveyAnswer | undefined> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const cancel = clock.after(timeoutMs, () => {
        this.#waiting.delete(id);
        const seconds = Math.round(timeoutMs / 1000);
        reject(
          new PeerceptronError(
            'LINK_TIMEOUT',
            `peer ${shortId(channel.peer)} did not answer within ${seconds} s`,
          ),
        );
      });
      const settled =
        <T>(settle: (value: T) => void) =>
        (value: T): void => {
          cancel();
          settle(value);
        };
      this.#waiting.set(id, { channel, resolve: settled(resolve), reject: settled(reject) });
      try {
        channel.sendControl(message(id));
      } catch (error) {
        this.#waiting.delete(id);
        cancel();
        reject(toPeerceptronError(error, 'LINK_CLOSED'));
      }
    });
  }
}
