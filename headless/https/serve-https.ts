import { hostname } from 'node:os';
import { join } from 'node:path';
import { readTlsFiles, tlsFilesVersion, type TlsFiles } from '../../signaling/tls-files.ts';
import type { SignalingServer } from '../../signaling/server.ts';
import { dayOf, type CertificateFacts, type TlsPair } from '../../signaling/tls-pair.ts';
import type { TrustOffer } from '../../signaling/trust-files.ts';
import { toPeerceptronError } from '../../src/shared/errors.ts';
import type { Clock } from '../../src/shared/clock.ts';
import { userDataDir } from '../platform.ts';
import { usage } from '../terminal.ts';
import { CertificateFolder } from './certificate-folder.ts';
import { certifiedNames, isPermittedHost } from './certified-names.ts';

export interface HttpsFlags {
  readonly https?: boolean;
  readonly cert?: string;
  readonly key?: string;
}

/** What makes a server speak https, and what people are told about it. */
export interface ServedHttps {
  readonly kind: 'own-certificate' | 'local-authority';
  readonly tls: TlsPair;
  /** Only with a local authority. */
  readonly trust?: TrustOffer;
  /** Whether devices have yet to trust the authority, as far as can be told from here. */
  readonly isNew: boolean;
  /** File of the authority's certificate and key. */
  readonly authorityFile?: string;
  notAfterMs(): number;
  /** Of the hosts (IPv6 in brackets) under which the server is reached, those that the certificate is for, and its own names. */
  hosts(): readonly string[];
  /** Looks after the certificate while the server runs. Returns how to stop. */
  watch(server: Pick<SignalingServer, 'setCertificate'>): () => void;
}

export interface ServeHttpsOptions {
  readonly flags: HttpsFlags;
  /** Hosts under which other devices may reach this machine now; IPv6 in brackets. */
  readonly reachable: () => readonly string[];
  readonly note: (sentence: string) => void;
  readonly clock: Clock;
  /** Unix time. */
  readonly nowMs: () => number;
}

const LOOKED_AFTER_EVERY_MS = 60_000;
const SOON_MS = 14 * 86_400_000;

/**
 * The certificate that the flags ask for; undefined without any.
 * @throws USAGE for `--cert` without `--key`; CERTIFICATE_INVALID, OUTPUT_UNWRITABLE
 */
export async function serveHttps(options: ServeHttpsOptions): Promise<ServedHttps | undefined> {
  const { cert, key, https } = options.flags;
  if ((cert === undefined) !== (key === undefined)) {
    throw usage('--cert and --key belong together: give both, or neither and --https alone');
  }
  if (cert !== undefined && key !== undefined) return ownCertificate({ cert, key }, options);
  return https ? localAuthority(options) : undefined;
}

async function ownCertificate(
  files: TlsFiles,
  { reachable, note, clock, nowMs }: ServeHttpsOptions,
): Promise<ServedHttps> {
  let version = await tlsFilesVersion(files);
  const read = await readTlsFiles(files, nowMs());
  let { facts } = read;
  const warn = (): void => {
    if (facts.notAfterMs - nowMs() < SOON_MS)
      note(`--cert ${files.cert} expires on ${dayOf(facts.notAfterMs)}: renew it; the server notices.`);
  };
  warn();
  return {
    kind: 'own-certificate',
    tls: read.pair,
    isNew: false,
    notAfterMs: () => facts.notAfterMs,
    hosts: () => ownHosts(facts, reachable()),
    watch: (server) =>
      repeat(clock, async () => {
        const found = await tlsFilesVersion(files);
        if (found === undefined || found === version) return;
        version = found;
        try {
          const renewed = await readTlsFiles(files, nowMs());
          server.setCertificate(renewed.pair);
          facts = renewed.facts;
          note(`${files.cert} has changed, and is used from now on (until ${dayOf(facts.notAfterMs)}).`);
          warn();
        } catch (thrown) {
          note(`${toPeerceptronError(thrown).message} The server goes on with the one before.`);
        }
      }),
  };
}

/** Names first: they are what a certificate of a public authority is for. */
function ownHosts(facts: CertificateFacts, reachable: readonly string[]): string[] {
  const names = facts.dns.filter((name) => !name.includes('*') && name !== 'localhost');
  return [...names, ...reachable.filter((host) => facts.covers(withoutBrackets(host)))];
}

async function localAuthority({ reachable, note, clock, nowMs }: ServeHttpsOptions): Promise<ServedHttps> {
  // The library that makes certificates is for nobody else.
  const { LanCertificate } = await import('./lan-certificate.ts');
  const folder = new CertificateFolder(join(userDataDir(), 'https'), note);
  const names = () => certifiedNames(hostname(), reachable().map(withoutBrackets));
  const certificate = await LanCertificate.open({ folder, owner: hostname(), names, nowMs });
  const hosts = (): string[] => reachable().filter((host) => isPermittedHost(withoutBrackets(host)));
  return {
    kind: 'local-authority',
    tls: certificate.pair,
    trust: { authority: certificate.authority.cert, hosts },
    isNew: certificate.isNewAuthority,
    authorityFile: folder.fileOf('authority'),
    notAfterMs: () => certificate.notAfterMs,
    hosts,
    watch: (server) =>
      repeat(clock, async () => {
        try {
          const why = await certificate.renew();
          if (why === undefined) return;
          server.setCertificate(certificate.pair);
          note(`The certificate was made anew: ${why}. Devices that trust the authority notice nothing.`);
        } catch (thrown) {
          note(toPeerceptronError(thrown).message);
        }
      }),
  };
}

/** One at a time, with a pause between them. */
function repeat(clock: Clock, work: () => Promise<void>): () => void {
  let stopped = false;
  let cancel = (): void => undefined;
  const wait = (): void => {
    if (stopped) return;
    cancel = clock.after(LOOKED_AFTER_EVERY_MS, () => void work().then(wait));
  };
  wait();
  return () => {
    stopped = true;
    cancel();
  };
}

const withoutBrackets = (host: string): string => host.replace(/^\[|\]$/g, '');
