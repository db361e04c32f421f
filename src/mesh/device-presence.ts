import { MAX_WORK_RANGES, MAX_WORK_SESSIONS } from '../protocol/presence-message.ts';
import { LoadMeter } from '../runtime/load-meter.ts';
import { PresenceExchange, type Presence } from '../runtime/presence.ts';
import type { RuntimeNode } from '../runtime/runtime-node.ts';
import type { ServedTile, ServeEvent } from '../runtime/serve-events.ts';
import type { Clock } from '../shared/clock.ts';
import type { PeerId, SessionId } from '../shared/ids.ts';
import type { Mesh } from './mesh.ts';

/** What a program knows of its device beside what passes through the mesh; asked at each report. */
export interface DeviceFacts {
  /** Part of the processor that is given, above 0 and at most 1. */
  readonly share: number;
  readonly macsPerSecond?: number | undefined;
  readonly battery?: NonNullable<Presence['battery']> | undefined;
  /** Devices that a session of this program does without for a while. */
  readonly setAside?: readonly PeerId[];
}

export interface DevicePresenceOptions {
  readonly mesh: Mesh;
  readonly node: RuntimeNode;
  readonly clock: Clock;
  readonly facts: () => DeviceFacts;
  readonly onPresence?: (peer: PeerId, presence: Presence) => void;
}

/** What these reports themselves take is nothing to report. */
const QUIET_BYTES_PER_SECOND = 600;
/** Rates over less than this would jump. */
const MIN_SPAN_MS = 900;

/** Puts together how a device is, from what it computes and sends, and tells it to those who look. */
export class DevicePresence {
  readonly #options: DevicePresenceOptions;
  readonly #meter: LoadMeter;
  readonly #exchange: PresenceExchange;
  readonly #work = new Map<SessionId, Presence['work'][number]>();
  #sent: { readonly atMs: number; readonly bytes: ReadonlyMap<PeerId, number> };
  #rates: Presence['sent'] = [];

  constructor(options: DevicePresenceOptions) {
    this.#options = options;
    const { node, clock, onPresence } = options;
    this.#meter = new LoadMeter(clock);
    this.#sent = { atMs: clock.now(), bytes: new Map() };
    const report = (): Presence => this.report();
    this.#exchange = new PresenceExchange({ node, clock, report, ...(onPresence ? { onPresence } : {}) });
  }

  /** Everything that the device serves is to pass through here. */
  onServe(event: ServeEvent): void {
    if (event.type === 'tile-done') this.#meter.tileDone(event);
    else if (event.type === 'session-ready') {
      const { session, model, opCount, tiles, part } = event;
      this.#work.set(session, { model: model.slice(0, 200), opCount, ops: opRuns(tiles), part });
    } else if (event.type === 'session-ended') this.#work.delete(event.session);
  }

  report(): Presence {
    const { share, macsPerSecond, battery, setAside = [] } = this.#options.facts();
    const { busy, framesPerSecond } = this.#meter.read();
    return {
      load: busy,
      share,
      framesPerSecond,
      sent: this.#sentPerSecond(),
      work: [...this.#work.values()].slice(-MAX_WORK_SESSIONS),
      ...(macsPerSecond === undefined ? {} : { macsPerSecond }),
      ...(battery === undefined ? {} : { battery }),
      ...(setAside.length === 0 ? {} : { setAside: [...setAside] }),
    };
  }

  watch(): void {
    this.#exchange.watch();
  }

  unwatch(): void {
    this.#exchange.unwatch();
  }

  #sentPerSecond(): Presence['sent'] {
    const { mesh, clock } = this.#options;
    const now = clock.now();
    const spanMs = now - this.#sent.atMs;
    if (spanMs < MIN_SPAN_MS) return this.#rates;
    const bytes = new Map<PeerId, number>();
    const rates: [PeerId, number][] = [];
    for (const id of mesh.members.keys()) {
      const sentBytes = mesh.traffic(id)?.sentBytes;
      if (sentBytes === undefined) continue;
      bytes.set(id, sentBytes);
      const before = this.#sent.bytes.get(id) ?? 0;
      // A channel that was made anew counts from the start.
      const more = sentBytes >= before ? sentBytes - before : sentBytes;
      const perSecond = (more * 1000) / spanMs;
      if (perSecond >= QUIET_BYTES_PER_SECOND) rates.push([id, perSecond]);
    }
    this.#sent = { atMs: now, bytes };
    this.#rates = rates;
    return rates;
  }
}

/** The ops of all tiles as runs that do not touch each other, in order. */
export function opRuns(tiles: readonly Pick<ServedTile, 'ops'>[]): [start: number, end: number][] {
  const runs: [number, number][] = [];
  for (const [start, end] of tiles.map(({ ops }) => ops).toSorted((a, b) => a[0] - b[0])) {
    const last = runs.at(-1);
    if (last && start <= last[1]) last[1] = Math.max(last[1], end);
    else runs.push([start, end]);
  }
  return runs.slice(0, MAX_WORK_RANGES);
}
