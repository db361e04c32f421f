import { isIP } from 'node:net';
import type { Clock } from '../../src/shared/clock.ts';
import type { HostRecord, MdnsAsker, MdnsLink, MdnsMessage } from './mdns-link.ts';

export interface HostNameOptions {
  /** The name without `.local`; with a number where somebody else has it: `name-2`. */
  readonly wanted: string;
  readonly clock: Clock;
  /** From 0 to 1. */
  readonly random: () => number;
  /** Whether an address is this machine's, in whichever network. */
  readonly isOwn: (address: string) => boolean;
  /** The name is this machine's from now on. */
  readonly onName: (name: string) => void;
}

/** RFC 6762, section 8.1: three probes. */
const PROBES = 3;
const PROBE_EVERY_MS = 250;
/** Section 8.2: whoever loses against another prober comes back when that one is done. */
const DEFERRED_MS = 1000;
/** Section 8.1: after so many conflicts, a pause before each probe. */
const MANY_CONFLICTS = 15;
const CONFLICT_PAUSE_MS = 5000;
/** Section 8.3. */
const ANNOUNCED_AGAIN_MS = 1000;
/** Section 10: of records with addresses. */
const TTL_S = 120;
/** Section 6.7: whoever is answered alone does not hear when that changes. */
const ALONE_TTL_S = 10;

/** `idle`: in no network. */
type State = 'idle' | 'probing' | 'held' | 'closed';

/**
 * Claims a name under `.local` for this machine, in all of its networks at once, and answers for it (RFC 6762, sections 6, 8, 9 and 10).
 * Several programs of one machine may hold the same name: they say the same.
 */
export class HostName {
  readonly #options: HostNameOptions;
  #links: readonly MdnsLink[] = [];
  #state: State = 'idle';
  #number = 1;
  #conflicts = 0;
  #cancel = (): void => undefined;

  constructor(options: HostNameOptions) {
    this.#options = options;
  }

  /** Undefined while it is not known whether the name is free. */
  get held(): string | undefined {
    return this.#state === 'held' ? this.#name : undefined;
  }

  /** The networks that the machine is in now. Those that are no longer among them are the caller's to close. */
  setLinks(links: readonly MdnsLink[]): void {
    if (this.#state === 'closed') return;
    for (const link of this.#links) link.onMessage = () => undefined;
    this.#links = links;
    for (const link of links)
      link.onMessage = (message, asker) => {
        if (message.kind === 'query') this.#onQuery(link, message, asker);
        else this.#onResponse(message);
      };
    if (links.length > 0) this.#probe(PROBE_EVERY_MS * this.#options.random());
    else this.#become('idle');
  }

  /** Takes the name back, and answers no more. */
  close(): void {
    if (this.#state === 'held') this.#tellAll(0);
    this.#become('closed');
    for (const link of this.#links) link.onMessage = () => undefined;
  }

  get #name(): string {
    return `${this.#options.wanted}${this.#number === 1 ? '' : `-${this.#number}`}.local`;
  }

  #become(state: State): void {
    this.#cancel();
    this.#cancel = () => undefined;
    this.#state = state;
  }

  #after(ms: number, then: () => void): void {
    this.#cancel = this.#options.clock.after(ms, then);
  }

  #probe(delayMs: number): void {
    this.#become('probing');
    this.#after(delayMs, () => this.#nextProbe(0));
  }

  #nextProbe(sent: number): void {
    if (sent === PROBES) return this.#hold();
    this.#become('probing');
    for (const link of this.#links) {
      link.send({
        kind: 'query',
        questions: [{ name: this.#name, type: 'ANY' }],
        answers: [],
        claims: recordsOf(this.#name, link, TTL_S),
      });
    }
    this.#after(PROBE_EVERY_MS, () => this.#nextProbe(sent + 1));
  }

  #hold(): void {
    this.#become('held');
    this.#tellAll(TTL_S);
    this.#after(ANNOUNCED_AGAIN_MS, () => this.#tellAll(TTL_S));
    this.#options.onName(this.#name);
  }

  #tellAll(ttl: number): void {
    for (const link of this.#links) link.send(response(recordsOf(this.#name, link, ttl)));
  }

  #onResponse({ answers }: MdnsMessage): void {
    const ours = answers.filter(({ name }) => name === this.#name);
    const isForeign = ours.some(({ address, ttl }) => ttl > 0 && !this.#options.isOwn(address));
    switch (this.#state) {
      case 'probing':
        if (isForeign) this.#giveWay();
        return;
      case 'held':
        // Two have it: it is found out once more whose it is.
        if (isForeign) this.#probe(0);
        // Another program of this machine has taken it back, for itself.
        else if (ours.some(({ ttl }) => ttl === 0)) this.#tellAll(TTL_S);
        return;
      case 'idle':
      case 'closed':
    }
  }

  #giveWay(): void {
    this.#number += 1;
    this.#conflicts += 1;
    this.#probe(this.#conflicts > MANY_CONFLICTS ? CONFLICT_PAUSE_MS : 0);
  }

  #onQuery(link: MdnsLink, query: MdnsMessage, asker: MdnsAsker | undefined): void {
    if (this.#state === 'probing') return this.#onOtherProbe(link, query);
    if (this.#state !== 'held') return;
    const name = this.#name;
    const types = new Set(query.questions.flatMap((each) => (each.name === name ? [each.type] : [])));
    if (types.size === 0) return;
    const records = recordsOf(name, link, asker ? ALONE_TTL_S : TTL_S);
    const isKnown = (record: HostRecord): boolean =>
      query.answers.some((known) => isSame(known, record) && known.ttl >= TTL_S / 2);
    const answers = records.filter(
      (record) => (types.has('ANY') || types.has(record.type)) && !isKnown(record),
    );
    const [only, ...others] = [...new Set(records.map(({ type }) => type))];
    const isLacking = others.length === 0 && only !== undefined && [...types].some((type) => type !== only);
    if (answers.length === 0 && !isLacking) return;
    const lacking = isLacking ? [{ name, has: only }] : [];
    link.send({ ...response(answers), questions: asker ? query.questions : [], lacking }, asker);
  }

  /** Section 8.2: of two that want a name at the same time, the one with the greater records gets it. */
  #onOtherProbe(link: MdnsLink, { claims }: MdnsMessage): void {
    const theirs = claims.filter(({ name }) => name === this.#name);
    if (theirs.length === 0 || theirs.every(({ address }) => this.#options.isOwn(address))) return;
    if (compareRecords(theirs, recordsOf(this.#name, link, TTL_S)) > 0) this.#probe(DEFERRED_MS);
  }
}

const response = (answers: readonly HostRecord[]): MdnsMessage => ({
  kind: 'response',
  questions: [],
  answers,
  claims: [],
});

const recordsOf = (name: string, link: MdnsLink, ttl: number): HostRecord[] =>
  link.addresses.map((address) => ({ type: isIP(address) === 6 ? 'AAAA' : 'A', name, address, ttl }));

const isSame = (a: HostRecord, b: HostRecord): boolean =>
  a.name === b.name && a.type === b.type && a.address === b.address;

/** Section 8.2.1: sorted, and compared one by one by type and data; a list that goes on is greater. */
function compareRecords(a: readonly HostRecord[], b: readonly HostRecord[]): number {
  const [first, second] = [a, b].map((records) => records.map(sortKey).sort()) as [string[], string[]];
  for (const [index, key] of first.entries()) {
    const other = second[index];
    if (other === undefined || key > other) return 1;
    if (key < other) return -1;
  }
  return first.length - second.length;
}

/** Type (A is 1, AAAA is 28), then the address byte by byte. */
const sortKey = ({ type, address }: HostRecord): string =>
  `${type === 'A' ? '01' : '28'} ${type === 'A' ? octets(address) : groups(address)}`;

const octets = (address: string): string =>
  address
    .split('.')
    .map((octet) => Number(octet).toString(16).padStart(2, '0'))
    .join('');

function groups(address: string): string {
  const [head = '', tail] = address.split('::');
  const parts = (text: string | undefined): string[] =>
    text ? text.split(':').map((group) => group.padStart(4, '0')) : [];
  const [first, last] = [parts(head), parts(tail)];
  return [...first, ...Array<string>(8 - first.length - last.length).fill('0000'), ...last].join('');
}
