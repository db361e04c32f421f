import { sha256 as plainSha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';

/**
 * SHA-256 as lower-case hex. By the platform's own code where it is there, which hashes beside the thread that asks; by
 * plain loops elsewhere: `crypto.subtle` is missing on pages that came by plain http.
 */
export async function sha256Hex(bytes: Uint8Array): Promise<string> {
  const subtle = (globalThis.crypto as Crypto | undefined)?.subtle;
  if (!subtle) return bytesToHex(plainSha256(bytes));
  return bytesToHex(new Uint8Array(await subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>)));
}
