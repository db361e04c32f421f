import type { DeviceProfile } from '../planner/profile.ts';
import { asSentence } from '../protocol/messages.ts';
import type { Clock } from '../shared/clock.ts';
import { PeerceptronError, toPeerceptronError, unreachable } from '../shared/errors.ts';
import type { PeerChannel } from '../transport/channel.ts';
import { measureLink, measureRoundTrip, type ConnectionProcessor } from './measure-link.ts';
import type { SurveyQuestion } from './questions.ts';
import type { RuntimeNode, SurveyedRole } from './runtime-node.ts';

export interface OfferProfileOptions {
  readonly node: RuntimeNode;
  readonly clock: Clock;
  /** Called at every question. */
  readonly profile: () => Promise<DeviceProfile>;
  /** Absent: what a byte costs is taken from the profile alone. */
  readonly processor?: ConnectionProcessor | undefined;
}

/** Links that are being measured or wait for it, of one asker: as many as a room has members. */
const MOST_WAITING = 64;

/**
 * Tells askers what this device has measured of itself, and measures links for them: one at a time, so that measurements
 * do not disturb each other. Goes on while sessions run.
 */
export function offerProfile(options: OfferProfileOptions): void {
  options.node.survey(new ProfileService(options));
}

class ProfileService implements SurveyedRole {
  readonly #options: OfferProfileOptions;
  readonly #waiting = new WeakMap<PeerChannel, number>();
  #measuring: Promise<void> = Promise.resolve();

  constructor(options: OfferProfileOptions) {
    this.#options = options;
  }

  onQuestion(channel: PeerChannel, question: SurveyQuestion): void {
    const { request } = question;
    this.#answer(channel, question).catch((thrown: unknown) => {
      const { code, message } = toPeerceptronError(thrown);
      tell(channel, { type: 'survey-refused', request, code, message: asSentence(message) });
    });
  }

  async #answer(channel: PeerChannel, question: SurveyQuestion): Promise<void> {
    const { request } = question;
    switch (question.type) {
      case 'profile-request':
        tell(channel, { type: 'profile', request, profile: await this.#options.profile() });
        return;
      case 'measure-link': {
        const { node, clock, processor } = this.#options;
        if (question.peer === node.self) {
          throw new PeerceptronError('PROTOCOL_MALFORMED', 'a device has no link to itself');
        }
        const waiting = this.#waiting.get(channel) ?? 0;
        if (waiting >= MOST_WAITING) {
          throw new PeerceptronError('PROTOCOL_LIMIT', `${waiting} links wait to be measured already`);
        }
        this.#waiting.set(channel, waiting + 1);
        const to = (): Promise<PeerChannel> => node.channel(question.peer);
        try {
          if (question.trips) {
            const roundTripMs = await measureRoundTrip(node.questions, await to(), clock);
            tell(channel, { type: 'link-trips', request, roundTripMs });
            return;
          }
          const measured = this.#measuring.then(async () =>
            measureLink(node.questions, await to(), clock, processor),
          );
          this.#measuring = measured.then(
            () => undefined,
            () => undefined,
          );
          tell(channel, { type: 'link', request, ...(await measured) });
        } finally {
          this.#waiting.set(channel, this.#waiting.get(channel)! - 1);
        }
        return;
      }
      default:
        unreachable(question);
    }
  }
}

function tell(channel: PeerChannel, message: Parameters<PeerChannel['sendControl']>[0]): void {
  try {
    channel.sendControl(message);
  } catch {
    // Who asked is gone.
  }
}
