import { isIP } from 'node:net';

export const NAME_CONSTRAINTS_OID = '2.5.29.30';

/** Tags of ASN.1 (X.690) and of RFC 5280's GeneralName. */
const SEQUENCE = 0x30;
const PERMITTED_SUBTREES = 0xa0;
const DNS_NAME = 0x82;
const IP_ADDRESS = 0x87;

/** The value of the extension in DER (RFC 5280, section 4.2.1.10): only these domains and networks are permitted. */
export function nameConstraints(
  domains: readonly string[],
  networks: readonly string[],
): Uint8Array<ArrayBuffer> {
  const bases = [
    ...domains.map((domain) => der(DNS_NAME, new TextEncoder().encode(domain))),
    ...networks.map((network) => der(IP_ADDRESS, subnetBytes(network))),
  ];
  return der(SEQUENCE, der(PERMITTED_SUBTREES, ...bases.map((base) => der(SEQUENCE, base))));
}

function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const lengthBytes =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return new Uint8Array([tag, ...lengthBytes, ...parts.flatMap((part) => [...part])]);
}

/** Address, then mask. */
function subnetBytes(network: string): Uint8Array {
  const [address, prefix] = network.split('/') as [string, string];
  const bytes = addressBytes(address);
  const mask = bytes.map((_, index) => {
    const bits = Math.min(8, Math.max(0, Number(prefix) - 8 * index));
    return 256 - 2 ** (8 - bits);
  });
  return new Uint8Array([...bytes, ...mask]);
}

function addressBytes(address: string): number[] {
  if (isIP(address) === 4) return address.split('.').map(Number);
  const [head = '', tail = ''] = address.split('::');
  const groups = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  const [first, last] = [groups(head), groups(tail)];
  const zeros = Array.from({ length: 8 - first.length - last.length }, () => 0);
  return [...first, ...zeros, ...last].flatMap((group) => [group >> 8, group & 255]);
}
