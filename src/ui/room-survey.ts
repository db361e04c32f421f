import type { TransportProfile } from '../planner/profile.ts';
import type { RuntimeNode } from '../runtime/runtime-node.ts';
import { Survey } from '../runtime/survey.ts';
import type { Clock } from '../shared/clock.ts';
import type { PeerceptronError } from '../shared/errors.ts';
import type { PeerId } from '../shared/ids.ts';

export interface RoomSurveyOptions {
  readonly node: RuntimeNode;
  readonly clock: Clock;
  /** What moving tensors costs this device, as it has measured. */
  readonly transport: () => Promise<TransportProfile>;
}

/** For so long what was learnt serves sessions that begin; later devices may give another share, and links may be others. */
const KEPT_MS = 60_000;

/** What this page learns of the devices of its room and of the links between them, for sessions that follow each other. */
export class RoomSurvey {
  readonly #options: RoomSurveyOptions;
  #latest: { readonly survey: Promise<Survey>; readonly sinceMs: number } | undefined;
  #silent = new Map<PeerId, PeerceptronError>();

  constructor(options: RoomSurveyOptions) {
    this.#options = options;
  }

  /** Devices that could not even be asked, and why. */
  get silent(): ReadonlyMap<PeerId, PeerceptronError> {
    return this.#silent;
  }

  /** For a session that begins now. One that could not begin is begun anew. */
  get(): Promise<Survey> {
    const nowMs = this.#options.clock.now();
    if (this.#latest && nowMs - this.#latest.sinceMs < KEPT_MS) return this.#latest.survey;
    const latest = { survey: this.#begin(), sinceMs: nowMs };
    this.#latest = latest;
    latest.survey.catch(() => {
      if (this.#latest === latest) this.#latest = undefined;
    });
    return latest.survey;
  }

  async #begin(): Promise<Survey> {
    const { node, clock, transport } = this.#options;
    const silent = new Map<PeerId, PeerceptronError>();
    this.#silent = silent;
    return new Survey({
      node,
      clock,
      transport: await transport(),
      onEvent: (event) => {
        if (event.type === 'device-silent') silent.set(event.peer, event.error);
      },
    });
  }
}
