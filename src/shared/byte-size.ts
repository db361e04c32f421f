const FACTORS = { b: 1, kb: 1e3, mb: 1e6, gb: 1e9, kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30 };

/** `512MB`, `1.5 GB`, or plain bytes; `undefined` where it is no size above 0. */
export function byteSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(b|kb|mb|gb|kib|mib|gib)?$/i.exec(text.trim());
  const unit = (match?.[2] ?? 'b').toLowerCase() as keyof typeof FACTORS;
  const bytes = Number(match?.[1]) * FACTORS[unit];
  return bytes > 0 ? Math.floor(bytes) : undefined;
}
