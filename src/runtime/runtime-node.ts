import type { ControlMessage, PieceMeta, StreamMeta } from '../protocol/messages.ts';
import { PeerceptronError, unreachable } from '../shared/errors.ts';
import type { PeerId, SessionId } from '../shared/ids.ts';
import type { PeerChannel, PeerNetwork, StreamSink } from '../transport/channel.ts';
import { createMemoryPair } from '../transport/memory-pair.ts';
import { createChannel } from '../transport/mux.ts';
import { MAX_PROBE_BYTES } from '../protocol/survey-message.ts';
import { Questions, type SurveyQuestion } from './questions.ts';

export type ToPeer = Extract<
  ControlMessage,
  {
    type:
      | 'prepare'
      | 'retire'
      | 'end'
      | 'abandon'
      | 'status-request'
      | 'drop'
      | 'weight-refused'
      | 'block-request'
      | 'block-refused'
      | 'clock-request'
      | 'trace-request';
  }
>;
export type ToRequester = Extract<
  ControlMessage,
  {
    type:
      | 'ready'
      | 'refuse'
      | 'loading'
      | 'tile-done'
      | 'frame-failed'
      | 'weight-request'
      | 'block-request'
      | 'clock'
      | 'trace'
      | 'status'
      | 'leaving';
  }
>;

/** Streams that belong to sessions. */
export type WorkStreamMeta = Exclude<StreamMeta, { kind: 'probe' }>;

/** The compute side of this device: what other peers' sessions ask of it. */
export interface ServingRole {
  /** Takes on nothing new: plans of this device do without it. Absent: it does. */
  readonly isLeaving?: boolean;
  onControl(channel: PeerChannel, message: ToPeer): void;
  onStream(channel: PeerChannel, meta: WorkStreamMeta, totalBytes: number): StreamSink | Promise<StreamSink>;
  onChannelClosed(peer: PeerId, error: PeerceptronError | undefined): void;
}

/** One session that this device started. */
export interface RequestingRole {
  /** The pseudo-segment of pieces that are meant for the requester; undefined where it knows no such epoch. */
  resultSegment(epoch: number): number | undefined;
  onControl(channel: PeerChannel, message: ToRequester): void;
  onPiece(channel: PeerChannel, meta: PieceMeta, totalBytes: number): StreamSink;
  onChannelClosed(peer: PeerId, error: PeerceptronError | undefined): void;
}

/** Answers what planners ask of this device, outside of sessions. */
export interface SurveyedRole {
  onQuestion(channel: PeerChannel, question: SurveyQuestion): void;
}

/** Tells others how this device is, and hears how they are. */
export interface PresenceRole {
  onControl(channel: PeerChannel, message: Extract<ControlMessage, { type: 'watch' | 'presence' }>): void;
}

/**
 * One device in the mesh, in both roles at once: it may serve tiles to others and run sessions of its own over the
 * same channels. Routes what arrives to the role that it is for.
 */
export class RuntimeNode {
  /** What this device asks of others outside of sessions. */
  readonly questions = new Questions();
  readonly #network: PeerNetwork;
  readonly #sessions = new Map<SessionId, RequestingRole>();
  readonly #adopted = new WeakSet<PeerChannel>();
  readonly #live = new Set<PeerChannel>();
  #serving: ServingRole | undefined;
  #surveyed: SurveyedRole | undefined;
  #present: PresenceRole | undefined;
  #own: PeerChannel | undefined;

  /** Takes over `network.onChannel`. */
  constructor(network: PeerNetwork) {
    this.#network = network;
    network.onChannel = (channel) => this.#adopt(channel);
  }

  get self(): PeerId {
    return this.#network.self;
  }

  /**
   * The live channel to `peer`, dialled if there is none. To this device itself it is a pair in memory: what serves here is
   * asked like everybody else.
   */
  async channel(peer: PeerId): Promise<PeerChannel> {
    if (peer === this.self) return this.#ownChannel();
    const channel = await this.#network.channel(peer);
    // It may have come up before this node took the network over.
    this.#adopt(channel);
    return channel;
  }

  /** Live channels to other devices. */
  get channels(): readonly PeerChannel[] {
    return [...this.#live].filter(({ peer }) => peer !== this.self);
  }

  /** Whether this device computes tiles of new plans. */
  get serves(): boolean {
    return this.#serving !== undefined && this.#serving.isLeaving !== true;
  }

  serve(role: ServingRole | undefined): void {
    this.#serving = role;
  }

  survey(role: SurveyedRole | undefined): void {
    this.#surveyed = role;
  }

  present(role: PresenceRole | undefined): void {
    this.#present = role;
  }

  addSession(id: SessionId, role: RequestingRole): void {
    this.#sessions.set(id, role);
  }

  removeSession(id: SessionId): void {
    this.#sessions.delete(id);
  }

  /** One end asks, the other serves; like any channel it is made once, and anew when it has ended. */
  #ownChannel(): PeerChannel {
    if (this.#own) return this.#own;
    const { a, b } = createMemoryPair();
    // Messages cost nothing here.
    const options = { peer: this.self, defer: queueMicrotask };
    const asking = createChannel({ ...options, link: a });
    const serving = createChannel({ ...options, link: b });
    this.#own = asking;
    void asking.closed.then(() => {
      if (this.#own === asking) this.#own = undefined;
    });
    this.#adopt(serving);
    this.#adopt(asking);
    return asking;
  }

  #adopt(channel: PeerChannel): void {
    if (this.#adopted.has(channel)) return;
    this.#adopted.add(channel);
    this.#live.add(channel);
    channel.onControl = (message) => this.#onControl(channel, message);
    channel.onStream = (meta, totalBytes) => this.#onStream(channel, meta, totalBytes);
    void channel.closed.then((error) => {
      this.#live.delete(channel);
      this.questions.onChannelClosed(channel, error);
      this.#serving?.onChannelClosed(channel.peer, error);
      for (const session of [...this.#sessions.values()]) session.onChannelClosed(channel.peer, error);
    });
  }

  #onControl(channel: PeerChannel, message: ControlMessage): void {
    switch (message.type) {
      case 'prepare':
        if (this.#serving) {
          this.#serving.onControl(channel, message);
        } else {
          const { session, epoch } = message;
          const reason = 'this device does not offer compute';
          channel.sendControl({ type: 'refuse', session, epoch, code: 'SESSION_REFUSED', message: reason });
        }
        return;
      case 'retire':
      case 'end':
      case 'abandon':
      case 'status-request':
      case 'drop':
      case 'weight-refused':
      case 'block-refused':
      case 'clock-request':
      case 'trace-request':
        this.#serving?.onControl(channel, message);
        return;
      case 'ready':
      case 'refuse':
      case 'loading':
      case 'tile-done':
      case 'frame-failed':
      case 'weight-request':
      case 'clock':
      case 'trace':
      case 'status':
      case 'leaving':
        // A session that ended meanwhile gets late answers: nothing is wrong.
        this.#sessions.get(message.session)?.onControl(channel, message);
        return;
      case 'block-request': {
        const own = this.#sessions.get(message.session);
        if (own) own.onControl(channel, message);
        else this.#serving?.onControl(channel, message);
        return;
      }
      case 'ping':
        channel.sendControl({ type: 'pong', nonce: message.nonce });
        return;
      case 'pong':
        this.questions.onPong(channel, message.nonce);
        return;
      case 'profile-request':
      case 'measure-link':
        if (this.#surveyed) {
          this.#surveyed.onQuestion(channel, message);
        } else {
          const { request } = message;
          const reason = 'this device offers no profile';
          channel.sendControl({ type: 'survey-refused', request, code: 'SESSION_REFUSED', message: reason });
        }
        return;
      case 'profile':
      case 'link':
      case 'link-trips':
      case 'survey-refused':
        this.questions.onAnswer(channel, message);
        return;
      case 'capabilities':
        this.#network.learned?.(channel.peer, message.capabilities);
        return;
      case 'watch':
      case 'presence':
        // A device that tells nothing of itself leaves those who look without an answer.
        this.#present?.onControl(channel, message);
        return;
      default:
        unreachable(message);
    }
  }

  #onStream(channel: PeerChannel, meta: StreamMeta, totalBytes: number): StreamSink | Promise<StreamSink> {
    if (meta.kind === 'probe') return discarded(totalBytes);
    if (meta.kind === 'piece') {
      const session = this.#sessions.get(meta.session);
      if (session?.resultSegment(meta.epoch) === meta.segment)
        return session.onPiece(channel, meta, totalBytes);
    }
    if (this.#serving) return this.#serving.onStream(channel, meta, totalBytes);
    throw new PeerceptronError('SESSION_CLOSED', 'no session here takes this stream: it has ended');
  }
}

/** Bytes that only measure the link they came over. */
function discarded(totalBytes: number): StreamSink {
  if (totalBytes > MAX_PROBE_BYTES) {
    throw new PeerceptronError(
      'PROTOCOL_LIMIT',
      `a probe of ${totalBytes} bytes: at most ${MAX_PROBE_BYTES}`,
    );
  }
  return { write: () => undefined, done: () => undefined, failed: () => undefined };
}
