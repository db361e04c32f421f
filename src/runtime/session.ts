import { planWindow } from '../planner/plan-window.ts';
import type { Plan } from '../planner/plan.ts';
import { PeerceptronError } from '../shared/errors.ts';
import { shortId, type PeerId } from '../shared/ids.ts';
import type { FrameInput } from './frame-input.ts';
import type { FrameResult } from './frames-in-flight.ts';
import type { PreparedPeer } from './requester-epoch.ts';
import { SessionCore, type SessionSource } from './session-core.ts';
import type { TraceCollector } from './trace/collector.ts';
import type { Trace } from './trace/trace.ts';

export type { PreparedPeer } from './requester-epoch.ts';

export type SessionEvent =
  | {
      readonly type: 'loading';
      readonly peer: PeerId;
      readonly loadedBytes: number;
      readonly totalBytes: number;
    }
  | { readonly type: 'ready'; readonly peer: PeerId };

export interface SessionOptions extends SessionSource {
  readonly plan: Plan;
  /** Frames in flight at once, 1–64; peers reserve memory for them. The default keeps every stage of the plan busy. */
  readonly window?: number;
  readonly onEvent?: (event: SessionEvent) => void;
}

/** A network that is spread over peers and ready for inputs. */
export interface Session {
  readonly plan: Plan;
  /** Frames that may be in flight at once. */
  readonly window: number;
  readonly peers: readonly PreparedPeer[];
  /**
   * Runs one frame: one buffer (or 8-bit picture) per graph input, row-major, untouched until the result is there. Waits, in order of the
   * calls, while the window is full. Rejects with FRAME_FAILED, FRAME_TIMEOUT, PEER_LOST, SESSION_CLOSED or
   * INPUT_INVALID; with FRAME_DROPPED when `signal` aborts first: every peer then forgets the frame.
   */
  run(inputs: readonly FrameInput[], options?: { readonly signal?: AbortSignal }): Promise<FrameResult>;
  /** What happened so far, with the option `trace`. Throws `USAGE` without it. */
  trace(): Promise<Trace>;
  close(): Promise<void>;
}

/**
 * Deals the plan to its peers and waits until all are READY. The plan stays as it is: a lost peer ends the session; see
 * `openAdaptiveSession` for one that goes on.
 * @throws PLAN_INVALID, LINK_* (a peer cannot be reached), SESSION_REFUSED or the code with which a peer refused
 */
export async function openSession(options: SessionOptions): Promise<Session> {
  const { plan, onEvent } = options;
  const lost = (peer: PeerId, why: string, cause?: PeerceptronError): void =>
    core.end(
      new PeerceptronError('PEER_LOST', `peer ${shortId(peer)} is gone${why}; start a new session`, {
        cause,
        details: { peer },
      }),
    );
  const core = new SessionCore(plan.session, options, {
    onLoading: (peer, _epoch, loadedBytes, totalBytes) =>
      onEvent?.({ type: 'loading', peer, loadedBytes, totalBytes }),
    onReady: (peer) => onEvent?.({ type: 'ready', peer }),
    onPeerLost: (peer, cause) => lost(peer, cause ? `: ${cause.message}` : ' (it left)', cause),
    onLeaving: (peer) => {
      lost(peer, ' (it is leaving)');
      // It need not wait for what cannot be handed over.
      for (const epoch of core.epochs) epoch.send(peer, { type: 'end', session: core.id });
    },
    onFailed: () => 'fail',
  });
  try {
    const epoch = core.addEpoch(plan, options.window ?? planWindow(plan));
    core.touch();
    await epoch.prepare();
    core.rest();
    core.frames.use(epoch);
    return {
      plan,
      window: epoch.window,
      peers: epoch.peers,
      run: (inputs, { signal } = {}) => core.run(inputs, signal),
      trace: async () => collectTrace(epoch.trace),
      close: async () => core.close(),
    };
  } catch (error) {
    core.close();
    throw error;
  }
}

/** @throws USAGE where none is recorded */
export async function collectTrace(collector: TraceCollector | undefined): Promise<Trace> {
  if (collector) return collector.collect();
  throw new PeerceptronError('USAGE', 'this session records no trace: open it with the option trace: true');
}
