import { createPrivateKey, X509Certificate } from 'node:crypto';
import { certificateFacts, dayOf, invalid, type TlsPair } from '../../signaling/tls-pair.ts';
import { toPeerceptronError } from '../../src/shared/errors.ts';
import { issueCertificate, makeAuthority } from './authority.ts';
import { whatThen, type CertificateFolder } from './certificate-folder.ts';
import type { CertifiedNames } from './certified-names.ts';

const DAY_MS = 86_400_000;
const RENEWED_BEFORE_MS = 30 * DAY_MS;
/** No clock that is right says less: certificates made by a wrong one would be refused by every device. */
const EARLIEST_MS = Date.UTC(2025, 0, 1);

export interface LanCertificateOptions {
  readonly folder: CertificateFolder;
  /** How this machine is called, for people who see the authority in a list. */
  readonly owner: string;
  /** What the certificate has to be for, now. */
  readonly names: () => CertifiedNames;
  /** Unix time. */
  readonly nowMs: () => number;
}

/** The certificate by which this machine serves https in its network, made by an authority of its own. */
export class LanCertificate {
  readonly authority: TlsPair;
  /** Whether devices that trusted this server before have to do so once more, or never have. */
  readonly isNewAuthority: boolean;
  readonly #options: LanCertificateOptions;
  #pair: TlsPair;

  /**
   * What is kept in the folder, as far as it still holds; the rest is made.
   * @throws CERTIFICATE_INVALID for a damaged authority or a clock that is far off, OUTPUT_UNWRITABLE
   */
  static async open(options: LanCertificateOptions): Promise<LanCertificate> {
    const { folder, nowMs } = options;
    if (nowMs() < EARLIEST_MS) {
      throw invalid(
        `This machine's clock says ${dayOf(nowMs())}, and certificates need the right time: set it (timedatectl set-ntp true), or wait until it has been set.`,
      );
    }
    const kept = await folder.read('authority');
    const isGood = kept !== undefined && authorityHolds(kept, folder, nowMs());
    const authority = isGood ? kept : await newAuthority(options, kept !== undefined);
    const certificate = new LanCertificate(options, authority, !isGood, await readServerPair(folder));
    await certificate.renew();
    return certificate;
  }

  private constructor(
    options: LanCertificateOptions,
    authority: TlsPair,
    isNewAuthority: boolean,
    kept: TlsPair | undefined,
  ) {
    this.#options = options;
    this.authority = authority;
    this.isNewAuthority = isNewAuthority;
    this.#pair = kept ?? { cert: '', key: '' };
  }

  get pair(): TlsPair {
    return this.#pair;
  }

  get notAfterMs(): number {
    return certificateFacts(new X509Certificate(this.#pair.cert)).notAfterMs;
  }

  /**
   * Makes another certificate where the present one does not do any longer.
   * @returns why it was made anew; undefined where nothing had to be done
   * @throws OUTPUT_UNWRITABLE, and the present one stays
   */
  async renew(): Promise<string | undefined> {
    const { folder, names, nowMs } = this.#options;
    const wanted = names();
    const why = whyRenew(this.#pair, this.authority, wanted, nowMs());
    if (why === undefined) return undefined;
    const pair = await issueCertificate(this.authority, wanted, nowMs());
    await folder.write('server', pair);
    this.#pair = pair;
    return why;
  }
}

/** Why a server's certificate has to be made anew; undefined where it is good for at least another month. */
export function whyRenew(
  pair: TlsPair,
  authority: TlsPair,
  names: CertifiedNames,
  nowMs: number,
): string | undefined {
  let certificate: X509Certificate;
  let belongs: boolean;
  try {
    certificate = new X509Certificate(pair.cert);
    belongs = certificate.checkPrivateKey(createPrivateKey(pair.key));
  } catch {
    return 'there was none';
  }
  if (!belongs) return 'its key is another one';
  const issuer = new X509Certificate(authority.cert);
  if (!certificate.checkIssued(issuer) || !certificate.verify(issuer.publicKey)) {
    return 'another authority had made it';
  }
  const facts = certificateFacts(certificate);
  if (nowMs < facts.notBeforeMs) return `it was valid from ${dayOf(facts.notBeforeMs)} only`;
  // Where the authority itself ends, another certificate would end with it.
  const isLast = facts.notAfterMs >= certificateFacts(issuer).notAfterMs;
  if (nowMs > facts.notAfterMs - RENEWED_BEFORE_MS && !isLast) {
    return `it was valid until ${dayOf(facts.notAfterMs)} only`;
  }
  const missing = [...names.dns, ...names.addresses].filter((host) => !facts.covers(host));
  return missing.length > 0 ? `it was not for ${missing.join(', ')}` : undefined;
}

/** Whether the kept authority can go on. @throws CERTIFICATE_INVALID for one that is damaged: people trust it, so it is not thrown away */
function authorityHolds(kept: TlsPair, folder: CertificateFolder, nowMs: number): boolean {
  let certificate: X509Certificate;
  let belongs: boolean;
  try {
    certificate = new X509Certificate(kept.cert);
    belongs = certificate.ca && certificate.checkPrivateKey(createPrivateKey(kept.key));
  } catch (cause) {
    const file = folder.fileOf('authority');
    throw invalid(
      `${file} is damaged (${toPeerceptronError(cause).message}). ${whatThen('authority', file)}`,
      cause,
    );
  }
  if (!belongs) {
    const file = folder.fileOf('authority');
    throw invalid(`${file} holds no authority, or the key of another one. ${whatThen('authority', file)}`);
  }
  const { notBeforeMs, notAfterMs } = certificateFacts(certificate);
  return nowMs >= notBeforeMs && nowMs < notAfterMs - RENEWED_BEFORE_MS;
}

async function newAuthority(
  { folder, owner, nowMs }: LanCertificateOptions,
  replaces: boolean,
): Promise<TlsPair> {
  const authority = await makeAuthority(owner, nowMs());
  if (!replaces) return folder.writeFirst('authority', authority);
  await folder.write('authority', authority);
  return authority;
}

/** A damaged one is no loss: it is made again. */
async function readServerPair(folder: CertificateFolder): Promise<TlsPair | undefined> {
  try {
    return await folder.read('server');
  } catch {
    return undefined;
  }
}
