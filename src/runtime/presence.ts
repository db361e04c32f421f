import type { ControlMessage } from '../protocol/messages.ts';
import type { Clock } from '../shared/clock.ts';
import type { PeerId } from '../shared/ids.ts';
import type { PeerChannel } from '../transport/channel.ts';
import type { PresenceRole, RuntimeNode } from './runtime-node.ts';
import { trySend } from './tile-runner.ts';

type PresenceMessage = Extract<ControlMessage, { type: 'presence' }>;

/** How a device is, by its own word; see `presence-message.ts`. */
export type Presence = Omit<PresenceMessage, 'type'>;

export interface PresenceOptions {
  readonly node: RuntimeNode;
  readonly clock: Clock;
  /** How this device is now. Called once per second while somebody looks. */
  readonly report: () => Presence;
  /** How another one is. */
  readonly onPresence?: (peer: PeerId, presence: Presence) => void;
}

const REPORT_EVERY_MS = 1000;
/** Whoever looks says so again before others forget it. */
const WATCH_FOR_MS = 10_000;
const WATCH_AGAIN_MS = 5000;

/** Tells those who look how this device is, and looks at others: rules PRE of SPEC.md. */
export class PresenceExchange implements PresenceRole {
  readonly #options: PresenceOptions;
  /** Until when each is told. */
  readonly #watchers = new Map<PeerChannel, number>();
  #cancelReport: (() => void) | undefined;
  #watching: { readonly asked: Map<PeerChannel, number>; cancel: () => void } | undefined;

  /** Takes `node`'s part for presence. */
  constructor(options: PresenceOptions) {
    this.#options = options;
    options.node.present(this);
  }

  onControl(channel: PeerChannel, message: Extract<ControlMessage, { type: 'watch' | 'presence' }>): void {
    if (message.type === 'presence') {
      const { type: _, ...presence } = message;
      this.#options.onPresence?.(channel.peer, presence);
      return;
    }
    this.#watchers.set(channel, this.#options.clock.now() + message.forMs);
    // Those who come later hear it with the others.
    if (!this.#cancelReport) this.#report();
  }

  /** From now on everyone who is connected is asked, and whoever connects later. */
  watch(): void {
    if (this.#watching) return;
    this.#watching = { asked: new Map(), cancel: () => undefined };
    this.#ask();
  }

  unwatch(): void {
    if (!this.#watching) return;
    const { asked, cancel } = this.#watching;
    this.#watching = undefined;
    cancel();
    for (const channel of asked.keys()) trySend(channel, { type: 'watch', forMs: 0 });
  }

  #ask(): void {
    const watching = this.#watching;
    if (!watching) return;
    const { node, clock } = this.#options;
    const now = clock.now();
    const channels = node.channels;
    for (const channel of watching.asked.keys())
      if (!channels.includes(channel)) watching.asked.delete(channel);
    for (const channel of channels) {
      if (now - (watching.asked.get(channel) ?? -Infinity) < WATCH_AGAIN_MS) continue;
      watching.asked.set(channel, now);
      trySend(channel, { type: 'watch', forMs: WATCH_FOR_MS });
    }
    watching.cancel = clock.after(REPORT_EVERY_MS, () => this.#ask());
  }

  #report(): void {
    const { node, clock, report } = this.#options;
    const now = clock.now();
    const channels = node.channels;
    for (const [channel, untilMs] of this.#watchers)
      if (untilMs <= now || !channels.includes(channel)) this.#watchers.delete(channel);
    this.#cancelReport = undefined;
    if (this.#watchers.size === 0) return;
    const presence = report();
    for (const channel of this.#watchers.keys()) trySend(channel, { type: 'presence', ...presence });
    this.#cancelReport = clock.after(REPORT_EVERY_MS, () => this.#report());
  }
}
