/** What of multicast DNS (RFC 6762) a host needs that tells its own name. */
export interface HostRecord {
  readonly type: 'A' | 'AAAA';
  /** Lower case, with `.local`, without a dot at its end. */
  readonly name: string;
  readonly address: string;
  /** Seconds; 0 takes the record back. */
  readonly ttl: number;
}

export interface MdnsMessage {
  readonly kind: 'query' | 'response';
  readonly questions: readonly MdnsQuestion[];
  /** Of a response: what holds. Of a query: what its sender knows already. */
  readonly answers: readonly HostRecord[];
  /** Of a query: what its sender would like to hold. */
  readonly claims: readonly HostRecord[];
  /** Names that have addresses of this family alone. */
  readonly lacking?: readonly { readonly name: string; readonly has: HostRecord['type'] }[];
}

export interface MdnsQuestion {
  readonly name: string;
  readonly type: 'A' | 'AAAA' | 'ANY';
}

/** Whoever asked from another port than 5353 knows nothing of multicast, and is answered alone. */
export interface MdnsAsker {
  readonly address: string;
  readonly port: number;
  readonly id: number;
}

/** One network of this machine. */
export interface MdnsLink {
  /** Of this machine in that network. */
  readonly addresses: readonly string[];
  /** `asker`: only for queries that are to be answered alone. */
  onMessage: (message: MdnsMessage, asker?: MdnsAsker) => void;
  send(message: MdnsMessage, to?: MdnsAsker): void;
  close(): Promise<void>;
}
