import type { Clock } from '../shared/clock.ts';
import type { ReplanReason } from './replan.ts';
import type { SwitchPace } from './switch-pace.ts';

export interface WishesOptions {
  readonly clock: Clock;
  readonly pace: SwitchPace;
  /** Devices that come one after another are planned for together. */
  readonly joinDelayMs: number;
  /** The current plan cannot go on: nothing waits then. */
  readonly isBroken: () => boolean;
  /** There is something to do now. */
  readonly onDue: () => void;
}

/** Needs an answer at once, whatever it costs. */
export const isUrgent = (reason: ReplanReason): boolean =>
  reason === 'start' || reason === 'peer-lost' || reason === 'peer-leaving';

/** Somebody waits for it: at once, but only where the plan is another one. */
const isPrompt = (reason: ReplanReason): boolean => isUrgent(reason) || reason === 'asked';

const IN_ORDER: readonly ReplanReason[] = [
  'start',
  'peer-lost',
  'peer-leaving',
  'asked',
  'slow',
  'peer-joined',
  'better',
];

/** Why a session looks for another plan, and when: at once where it has to, at its pace where it only would like to. */
export class Wishes {
  readonly #options: WishesOptions;
  readonly #reasons = new Set<ReplanReason>();
  #cancel: (() => void) | undefined;

  constructor(options: WishesOptions) {
    this.#options = options;
  }

  add(reason: ReplanReason): void {
    const isNew = !this.#reasons.has(reason);
    this.#reasons.add(reason);
    if (isPrompt(reason) || this.#options.isBroken()) this.#options.onDue();
    else if (isNew) this.wakeUp();
  }

  /** Looks again when the next wish that is not urgent may be granted. */
  wakeUp(): void {
    const { clock, pace, joinDelayMs, onDue } = this.#options;
    if (this.#reasons.size === 0) return;
    const delayMs = Math.max(
      this.#reasons.has('peer-joined') ? joinDelayMs : 0,
      pace.notBeforeMs - clock.now(),
      0,
    );
    this.#cancel?.();
    this.#cancel = clock.after(delayMs, () => {
      this.#cancel = undefined;
      onDue();
    });
  }

  /** The next one to be granted now. */
  next(): ReplanReason | undefined {
    const { clock, pace, isBroken } = this.#options;
    const mayChoose = isBroken() || (clock.now() >= pace.notBeforeMs && !this.#cancel);
    const next = IN_ORDER.find((reason) => this.#reasons.has(reason) && (isPrompt(reason) || mayChoose));
    if (!next) return undefined;
    this.#reasons.delete(next);
    // All that are not urgent ask the same question.
    if (!isUrgent(next)) for (const reason of IN_ORDER) if (!isUrgent(reason)) this.#reasons.delete(reason);
    return next;
  }

  clear(): void {
    this.#cancel?.();
    this.#reasons.clear();
  }
}
