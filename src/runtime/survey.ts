import type { PlanChoice, PlanRequest } from '../planner/choice.ts';
import { linkKey, planLinks, type DirectedLink } from '../planner/plan-links.ts';
import type { DeviceProfile, TransportProfile } from '../planner/profile.ts';
import type { Device, LinkProfile, World } from '../planner/world.ts';
import type { Accuracy } from '../shared/accuracy.ts';
import type { Clock } from '../shared/clock.ts';
import { toPeerceptronError, type PeerceptronError } from '../shared/errors.ts';
import type { PeerId } from '../shared/ids.ts';
import type { WeightStorage } from '../shared/weight-storage.ts';
import { median } from '../shared/median.ts';
import type { PeerChannel } from '../transport/channel.ts';
import { aboutAsMany, KnownLinks } from './known-links.ts';
import {
  measureLink,
  measureRoundTrip,
  type ConnectionProcessor,
  type MeasuredLink,
} from './measure-link.ts';
import type { RuntimeNode } from './runtime-node.ts';

/** What a member of the room says of itself before it is asked: its capabilities. */
export interface SurveyPeer {
  readonly id: PeerId;
  readonly name: string;
  readonly accuracy: Accuracy;
  readonly weightStorage?: WeightStorage | undefined;
  readonly memoryBytes: number;
}

export type SurveyEvent =
  /** It cannot be reached, or has no profile: plans do without it. */
  | { readonly type: 'device-silent'; readonly peer: PeerId; readonly error: PeerceptronError }
  | { readonly type: 'link-measured'; readonly link: DirectedLink; readonly profile: LinkProfile }
  /** Plans go by a cautious guess. */
  | { readonly type: 'link-unmeasured'; readonly link: DirectedLink; readonly error: PeerceptronError };

export interface SurveyOptions {
  readonly node: RuntimeNode;
  readonly clock: Clock;
  /** Of this device, which sends the inputs and takes the outputs. */
  readonly transport: TransportProfile;
  /** Of this device; absent: what a byte costs it is taken from `transport` alone. */
  readonly processor?: ConnectionProcessor | undefined;
  readonly onEvent?: (event: SurveyEvent) => void;
  /** A device may be asked while it still measures itself. */
  readonly profileTimeoutMs?: number;
  readonly linkTimeoutMs?: number;
}

const PROFILE_TIMEOUT_MS = 10_000;
/** It may have to dial, and to measure for others first. */
const LINK_TIMEOUT_MS = 20_000;
/** Links that a plan uses are few; a plan that changes with each measurement must end all the same. */
const MOST_ROUNDS = 5;

/** Of a link about which nothing is known: a wireless network of the middle class, with others on it. */
const UNKNOWN: LinkProfile = { roundTripMs: 8, bytesPerMs: 4_000 };
/** Between two peers, of what this device measured to the slower of them: the same air is used twice. */
const CAUTION = 0.7;

/**
 * What this device knows of the others and of the links between them. Profiles are asked for once per connection, links
 * are measured once, and only those that a plan would use.
 */
export class Survey {
  readonly #options: SurveyOptions;
  readonly #profiles = new WeakMap<PeerChannel, Promise<DeviceProfile>>();
  readonly #links = new KnownLinks();
  readonly #failed = new Set<string>();

  constructor(options: SurveyOptions) {
    this.#options = options;
  }

  /** Asks all at once. Who does not answer is left out, and reported as an event. */
  async devices(peers: readonly SurveyPeer[]): Promise<Device[]> {
    const asked = await Promise.all(
      peers.map(async ({ id, name, accuracy, weightStorage, memoryBytes }): Promise<Device | undefined> => {
        try {
          const held = weightStorage ? { weightStorage } : {};
          return { id, name, accuracy, ...held, memoryBytes, profile: await this.#profile(id) };
        } catch (thrown) {
          this.#options.onEvent?.({ type: 'device-silent', peer: id, error: toPeerceptronError(thrown) });
          return undefined;
        }
      }),
    );
    return asked.filter((device) => device !== undefined);
  }

  /**
   * The devices with all links as they are known now; later measurements do not change it.
   * @param linkCount of a plan: messages take as long as they do among so many links; by default as they were measured last.
   */
  world(devices: readonly Device[], linkCount?: number): World {
    const { node, transport } = this.#options;
    const requester = node.self;
    const links = this.#links.at(linkCount);
    const between = (a: PeerId, b: PeerId): LinkProfile | undefined =>
      links.get(linkKey(a, b)) ?? links.get(linkKey(b, a));
    const carried = (id: PeerId, own: TransportProfile): TransportProfile => {
      const pieces = seenCosts(links, id, 'pieceMs');
      const bytes = seenCosts(links, id, 'msPerByte');
      const msPerByte = bytes.length > 0 ? median(bytes) : 0;
      return {
        uplinkBytesPerMs: fastest(links, (from) => from === id) ?? own.uplinkBytesPerMs,
        downlinkBytesPerMs: fastest(links, (_from, to) => to === id) ?? own.downlinkBytesPerMs,
        // What the runtime does with a piece, and what the connection does.
        pieceMs: own.pieceMs + (pieces.length > 0 ? median(pieces) : 0),
        sendMsPerByte: Math.max(own.sendMsPerByte, msPerByte),
        // Taking a byte is about as much work as sending one.
        receiveMsPerByte: Math.max(own.receiveMsPerByte, msPerByte),
      };
    };
    const transports = new Map(devices.map(({ id, profile }) => [id, profile.transport]));
    return {
      requester: { id: requester, transport: carried(requester, transport) },
      devices: devices.map((device) => ({
        ...device,
        profile: { ...device.profile, transport: carried(device.id, device.profile.transport) },
      })),
      link(from, to) {
        const known = between(from, to);
        if (known) return known;
        const network = Math.min(
          (transports.get(from) ?? transport).uplinkBytesPerMs,
          (transports.get(to) ?? transport).downlinkBytesPerMs,
        );
        const ends = [from, to].map((end) => (end === requester ? undefined : between(requester, end)));
        const seen = ends.filter((end) => end !== undefined);
        if (seen.length === 0) return guess([...links.values()], network);
        return {
          roundTripMs: Math.max(...seen.map(({ roundTripMs }) => roundTripMs)),
          bytesPerMs: Math.min(network, CAUTION * Math.min(...seen.map(({ bytesPerMs }) => bytesPerMs))),
        };
      },
    };
  }

  isMeasured({ from, to }: DirectedLink): boolean {
    return this.#links.has(linkKey(from, to));
  }

  /**
   * Goodput one after the other, for links would share what they measure; then small messages over all of them at once, for
   * that is how a plan uses them, and devices and networks take longer for many than for one. Links that cannot be measured are
   * reported, and not tried again.
   */
  async measure(links: readonly DirectedLink[]): Promise<void> {
    for (const link of links) {
      const key = linkKey(link.from, link.to);
      if (this.#isSettled(link)) continue;
      try {
        const profile = await this.#measure(link);
        this.#links.add(key, profile);
        this.#options.onEvent?.({ type: 'link-measured', link, profile });
      } catch (thrown) {
        this.#failed.add(key);
        this.#options.onEvent?.({ type: 'link-unmeasured', link, error: toPeerceptronError(thrown) });
      }
    }
    await this.#measureTogether(links);
  }

  /** Measured, or not to be measured. */
  #isSettled({ from, to }: DirectedLink): boolean {
    const key = linkKey(from, to);
    return this.#links.has(key) || this.#failed.has(key);
  }

  async #measureTogether(links: readonly DirectedLink[]): Promise<void> {
    const busyAt = (end: PeerId): number => links.filter(({ from, to }) => from === end || to === end).length;
    await Promise.all(
      links.map(async (link) => {
        const key = linkKey(link.from, link.to);
        if (!this.#links.has(key)) return;
        const atEnds = Math.max(busyAt(link.from), busyAt(link.to));
        try {
          const roundTripMs = await this.#roundTrip(link);
          this.#links.addAmong(key, { count: links.length, atEnds, roundTripMs });
        } catch {
          // What is known of the link alone holds.
        }
      }),
    );
  }

  /**
   * Chooses a plan, measures the links that it uses, and chooses again, until the chosen one uses none that is not
   * measured, or cannot be. A plan that uses far fewer links than the one that they were measured for has them measured anew: messages
   * over a dozen of them take longer than over two. Other plans are judged by what their links would take among as many.
   */
  async plan(
    devices: readonly Device[],
    request: Omit<PlanRequest, 'world'>,
    choose: (request: PlanRequest) => PlanChoice | Promise<PlanChoice>,
  ): Promise<PlanChoice> {
    let linkCount: number | undefined;
    for (let round = 1; ; round++) {
      const choice = await choose({ ...request, world: this.world(devices, linkCount) });
      const links = planLinks(request.graph, choice.plan, this.#options.node.self);
      const isKnown = links.every((link) => this.#isSettled(link));
      const isAsUsed = links.every(({ from, to }) => this.#links.isAsUsed(linkKey(from, to), links.length));
      const isJudged =
        linkCount === undefined
          ? this.#links.areAsUsed(links.length)
          : aboutAsMany(linkCount, links.length) || links.length === 0;
      if ((isKnown && isAsUsed && isJudged) || round === MOST_ROUNDS) return choice;
      if (!isKnown) await this.measure(links);
      else if (!isAsUsed) await this.#measureTogether(links);
      linkCount = links.length;
    }
  }

  async #profile(peer: PeerId): Promise<DeviceProfile> {
    const { node, clock, profileTimeoutMs = PROFILE_TIMEOUT_MS } = this.#options;
    const channel = await node.channel(peer);
    const known = this.#profiles.get(channel);
    if (known) return known;
    const asked = node.questions
      .ask(channel, { type: 'profile-request' }, clock, profileTimeoutMs)
      .then((answer) => {
        if (answer.type === 'profile') return answer.profile;
        throw toPeerceptronError(`a '${answer.type}' for a profile`, 'PROTOCOL_MALFORMED');
      });
    this.#profiles.set(channel, asked);
    // Whoever did not answer may do so another time.
    asked.catch(() => this.#profiles.delete(channel));
    return asked;
  }

  async #measure({ from, to }: DirectedLink): Promise<MeasuredLink> {
    const { node, clock, processor, linkTimeoutMs = LINK_TIMEOUT_MS } = this.#options;
    if (from === node.self) return measureLink(node.questions, await node.channel(to), clock, processor);
    const channel = await node.channel(from);
    const answer = await node.questions.ask(
      channel,
      { type: 'measure-link', peer: to },
      clock,
      linkTimeoutMs,
    );
    if (answer.type !== 'link')
      throw toPeerceptronError(`a '${answer.type}' for a link`, 'PROTOCOL_MALFORMED');
    const { type: _type, request: _request, ...measured } = answer;
    return measured;
  }

  async #roundTrip({ from, to }: DirectedLink): Promise<number> {
    const { node, clock, linkTimeoutMs = LINK_TIMEOUT_MS } = this.#options;
    if (from === node.self) return measureRoundTrip(node.questions, await node.channel(to), clock);
    const question = { type: 'measure-link', peer: to, trips: true } as const;
    const answer = await node.questions.ask(await node.channel(from), question, clock, linkTimeoutMs);
    if (answer.type !== 'link-trips')
      throw toPeerceptronError(`a '${answer.type}' for round trips`, 'PROTOCOL_MALFORMED');
    return answer.roundTripMs;
  }
}

/** What sending a piece or a byte was seen to take it, per link; what it costs without a connection is less. */
const seenCosts = (
  links: ReadonlyMap<string, LinkProfile>,
  id: PeerId,
  what: 'pieceMs' | 'msPerByte',
): readonly number[] =>
  [...links].flatMap(([key, { [what]: cost }]) =>
    key.startsWith(`${id} `) && cost !== undefined ? [cost] : [],
  );

/** What one device was seen to send or to receive: its network carries at least that, and nothing says that it carries more. */
function fastest(
  links: ReadonlyMap<string, LinkProfile>,
  counts: (from: PeerId, to: PeerId) => boolean,
): number | undefined {
  let best: number | undefined;
  for (const [key, { bytesPerMs }] of links) {
    const [from, to] = key.split(' ') as [PeerId, PeerId];
    if (counts(from, to)) best = Math.max(best ?? 0, bytesPerMs);
  }
  return best;
}

function guess(measured: readonly LinkProfile[], networkBytesPerMs: number): LinkProfile {
  if (measured.length === 0) {
    return { ...UNKNOWN, bytesPerMs: Math.min(UNKNOWN.bytesPerMs, networkBytesPerMs) };
  }
  return {
    roundTripMs: Math.max(...measured.map(({ roundTripMs }) => roundTripMs)),
    bytesPerMs: Math.min(networkBytesPerMs, CAUTION * median(measured.map(({ bytesPerMs }) => bytesPerMs))),
  };
}
