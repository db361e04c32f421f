import { X509Certificate } from 'node:crypto';
import pc from 'picocolors';
import { renderUnicodeCompact } from 'uqr';
import { dayOf } from '../signaling/tls-pair.ts';
import type { ServedHttps } from './https/serve-https.ts';
import type { LocalRoom } from './local-room.ts';
import { lanAddresses } from './platform.ts';

/** Where a served room is, for people and for `serve --json`. */
export interface ServedLinks {
  /** To open or to scan, best first: they work on every device. */
  readonly links: readonly string[];
  /** Under which other devices find this machine by multicast DNS, as `peerceptron.local`; one of the links is by it. */
  readonly name?: string;
  readonly https?: {
    readonly kind: ServedHttps['kind'];
    /** For devices that trust the certificate. */
    readonly links: readonly string[];
    /** ISO 8601; renewed before that where the authority is this machine's. */
    readonly notAfter: string;
    /** The page that says how to trust the authority. */
    readonly trust?: string;
    /** SHA-256 of the authority's certificate, to compare with what a device shows. */
    readonly fingerprint?: string;
    readonly authorityFile?: string;
    readonly isNew: boolean;
  };
}

/** Hosts under which other devices reach this machine (IPv6 in brackets); the given one where the server listens on nothing else. */
export function reachableHosts(host: string | undefined): string[] {
  const any = host === undefined || host === '0.0.0.0' || host === '::';
  return any ? lanAddresses() : [host.includes(':') ? `[${host}]` : host];
}

export function servedLinks(
  room: LocalRoom,
  reachable: readonly string[],
  https: ServedHttps | undefined,
  name?: string,
): ServedLinks {
  const named = name === undefined ? {} : { name };
  const plainAt = (hosts: readonly string[]): string[] => hosts.map((host) => room.urlAt(host));
  if (!https) return { links: plainAt(reachable), ...named };
  const hosts = https.hosts();
  const secure = hosts.map((host) => room.urlAt(host, 'https'));
  // Those first that a page over http can leave for https.
  const plain = plainAt([...reachable].sort((a, b) => Number(hosts.includes(b)) - Number(hosts.includes(a))));
  const { kind, trust, isNew, authorityFile } = https;
  const trustHost = hosts[0] ?? reachable[0];
  return {
    // A page over http takes devices that trust the authority to https by itself; https would show all others a warning.
    links: trust || secure.length === 0 ? plain : secure,
    ...named,
    https: {
      kind,
      links: secure,
      notAfter: new Date(https.notAfterMs()).toISOString(),
      isNew,
      ...(trust && trustHost ? { trust: `http://${trustHost}:${room.port}/trust` } : {}),
      ...(trust ? { fingerprint: new X509Certificate(trust.authority).fingerprint256 } : {}),
      ...(authorityFile ? { authorityFile } : {}),
    },
  };
}

export function describeLinks(room: LocalRoom, served: ServedLinks, peerCount: number): string {
  const [first, ...others] = served.links;
  const lines = [
    '',
    pc.bold(`Room '${room.link.room}' is open on port ${room.port}, with ${peerCount} local peers.`),
  ];
  if (first === undefined) {
    lines.push(
      'This machine has no network address but its own: other devices cannot reach it until it joins a network.',
      `On this machine: ${pc.cyan(room.urlAt('127.0.0.1'))}`,
    );
  } else {
    lines.push('Open this link on any device in the same network, or scan the code, and it joins:', '');
    lines.push(`  ${pc.cyan(first)}`, ...others.map((link) => `  ${pc.cyan(link)}`), '');
    lines.push(renderUnicodeCompact(first), '');
    if (served.name)
      lines.push(
        pc.dim(
          `${served.name} stays the same when addresses change; Android knows such names from version 12 on.`,
        ),
        '',
      );
  }
  lines.push(...httpsLines(served));
  lines.push(pc.dim('Whoever has the link is in the room: treat it like a password. Ctrl-C stops.'));
  return lines.join('\n');
}

function httpsLines({ https }: ServedLinks): string[] {
  if (!https) return [];
  const [first, ...others] = https.links;
  if (https.kind === 'own-certificate') {
    const until = `The certificate is valid until ${dayOf(Date.parse(https.notAfter))}.`;
    return first === undefined
      ? [`${until} It is for none of this machine's addresses, so browsers refuse https at them.`, '']
      : [until, ''];
  }
  if (first === undefined) {
    return [
      'This machine has no private address that its own certificate could be for: use --cert and --key for https.',
      '',
    ];
  }
  return [
    'Cameras, threads and a screen that stays awake need https. A device is taken there by itself once it trusts this machine;',
    `how that is done, once per device: ${pc.cyan(https.trust ?? '')}`,
    ...(https.fingerprint ? [pc.dim(`SHA-256 of the authority to trust: ${https.fingerprint}`)] : []),
    'The same room by https:',
    `  ${pc.cyan(first)}`,
    ...others.map((link) => `  ${pc.cyan(link)}`),
    '',
  ];
}
