/** Three significant digits, or all that stand before the point. */
export function digits(value: number, significant = 3): string {
  const size = Math.abs(value);
  if (size === 0) return '0';
  return size >= 10 ** (significant - 1) ? value.toFixed(0) : value.toPrecision(significant);
}

/** `123 ms`, `1.72 s`. */
export const formatTime = (ms: number): string => (ms < 1000 ? `${digits(ms)} ms` : `${digits(ms / 1000)} s`);

/** `512 kB`, `4.90 MB`; of a thousand each. */
export function formatSize(bytes: number): string {
  if (bytes < 1000) return `${Math.round(bytes)} B`;
  return bytes < 1e6 ? `${digits(bytes / 1e3)} kB` : formatMegabytes(bytes);
}

export const formatMegabytes = (bytes: number): string => `${digits(bytes / 1e6)} MB`;

export const formatGain = (gain: number): string => `${digits(gain)} ×`;

export const formatPercent = (share: number): string => `${Math.round(share * 100)} %`;

/** `+5 %`, `−3 %`, `0 %`: how far a prediction is off what was measured. */
export function formatError(share: number): string {
  const percent = Math.round(share * 100);
  return `${percent > 0 ? '+' : percent < 0 ? '−' : ''}${Math.abs(percent)} %`;
}

/** ISO 8601 to `2026-11-28 12:01`, in UTC, as it stands there. */
export const formatMinute = (iso: string): string =>
  new Date(iso).toISOString().slice(0, 16).replace('T', ' ');

/** Names of a list, the last behind an "and". */
export const listed = (items: readonly string[]): string =>
  items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
