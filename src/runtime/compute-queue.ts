import type { SessionId } from '../shared/ids.ts';

/** A frame of one epoch: after a switch of plans the same frame may be computed anew in the next epoch. */
export interface QueuedFrame {
  readonly epoch: number;
  readonly frame: number;
}

interface Task extends QueuedFrame {
  readonly run: () => Promise<number>;
}

/** What one session waits for, and how much it has had. */
interface Share {
  readonly tasks: Task[];
  posted: number;
  /** Milliseconds of compute, on a scale that all sessions share; what is posted counts as long as the last one took. */
  usedMs: number;
  lastMs: number | undefined;
}

/**
 * Tiles given to the engine and not done yet. The second one waits in the engine's own queue, so that its thread goes on
 * without asking back; more than that would only make the choice of the next tile older.
 */
const POSTED_AT_ONCE = 2;

/**
 * Which tile is computed next. Within a session the oldest frame goes first. Between sessions it is the one that has had the
 * least compute time: a requester with heavy tiles does not starve one with light tiles. Who was idle starts level with
 * the others, without a credit for the past (start-time fair queueing).
 */
export class ComputeQueue {
  /** In order of their last turn: among equals, the one that has waited longest comes first. */
  readonly #shares = new Map<SessionId, Share>();
  #posted = 0;
  /** `usedMs` of the session that was served last, before that turn. */
  #levelMs = 0;
  /** Of any session: the guess for one that has not computed yet. Positive, so that nobody gets two turns in a row for nothing. */
  #lastMs = 1;

  /** `run` must not reject; it resolves to the milliseconds that the engine has computed. */
  push(session: SessionId, { epoch, frame }: QueuedFrame, run: () => Promise<number>): void {
    const share = this.#shares.get(session) ?? {
      tasks: [],
      posted: 0,
      usedMs: this.#levelMs,
      lastMs: undefined,
    };
    if (share.tasks.length === 0 && share.posted === 0) share.usedMs = Math.max(share.usedMs, this.#levelMs);
    const position = share.tasks.findIndex((task) => task.frame > frame);
    share.tasks.splice(position < 0 ? share.tasks.length : position, 0, { epoch, frame, run });
    this.#shares.set(session, share);
    this.#post();
  }

  /** What waits for this frame is not computed any more; what the engine already has, is. */
  drop(session: SessionId, { epoch, frame }: QueuedFrame): void {
    const tasks = this.#shares.get(session)?.tasks;
    if (!tasks) return;
    for (let index = tasks.length - 1; index >= 0; index -= 1) {
      const task = tasks[index]!;
      if (task.frame === frame && task.epoch === epoch) tasks.splice(index, 1);
    }
  }

  /** Whether a tile of this session waits for the engine or is in it. */
  isBusy(session: SessionId): boolean {
    const share = this.#shares.get(session);
    return share !== undefined && share.tasks.length + share.posted > 0;
  }

  forget(session: SessionId): void {
    this.#shares.delete(session);
  }

  #post(): void {
    while (this.#posted < POSTED_AT_ONCE) {
      const turn = this.#next();
      if (!turn) return;
      const [session, share] = turn;
      const expectedMs = share.lastMs ?? this.#lastMs;
      this.#levelMs = share.usedMs;
      share.usedMs += expectedMs;
      share.posted += 1;
      this.#posted += 1;
      // Re-inserting puts the session behind its equals.
      this.#shares.delete(session);
      this.#shares.set(session, share);
      void share.tasks
        .shift()!
        .run()
        .then((computeMs) => {
          share.usedMs += computeMs - expectedMs;
          share.lastMs = this.#lastMs = computeMs;
          share.posted -= 1;
          this.#posted -= 1;
          this.#post();
        });
    }
  }

  #next(): [SessionId, Share] | undefined {
    let chosen: [SessionId, Share] | undefined;
    for (const entry of this.#shares) {
      if (entry[1].tasks.length > 0 && (!chosen || entry[1].usedMs < chosen[1].usedMs)) chosen = entry;
    }
    return chosen;
  }
}
