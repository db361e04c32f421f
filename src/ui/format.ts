/** `1.5 GB`, `380 MB`, `12 kB`: decimal, three digits at most. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${shortNumber(value)} ${units[unit]}`;
}

/** `0.8 ms`, `12 ms`, `1.4 s`. */
export function formatMs(ms: number): string {
  return ms < 999.5 ? `${shortNumber(ms)} ms` : `${shortNumber(ms / 1000)} s`;
}

/** `3`, `12 thousand`, `2.1 billion`: large numbers as people say them. */
export function formatCount(value: number): string {
  const units = ['', ' thousand', ' million', ' billion', ' trillion'];
  let rest = value;
  let unit = 0;
  while (rest >= 999.5 && unit < units.length - 1) {
    rest /= 1000;
    unit++;
  }
  return `${shortNumber(rest)}${units[unit]}`;
}

/** `0.8`, `12`, `118`: a rate per second. */
export const formatRate = (perSecond: number): string => shortNumber(perSecond);

const shortNumber = (value: number): string =>
  value >= 10 || value === 0 ? Math.round(value).toString() : (Math.round(value * 10) / 10).toString();

const axisNames: Readonly<Record<number, readonly string[]>> = {
  1: ['units'],
  2: ['rows', 'units'],
  3: ['rows', 'columns', 'channels'],
  4: ['frames', 'rows', 'columns', 'channels'],
};

/** A half-open box in words, with last members included: `rows 0–13, columns 0–27, channels 0–63`. */
export function describeBox(box: readonly (readonly [number, number])[]): string {
  const names = axisNames[box.length];
  return box
    .map(([start, end], axis) => {
      const name = names?.[axis] ?? `axis ${axis}`;
      if (end <= start) return `no ${name}`;
      return end - start === 1 ? `${name} ${start}` : `${name} ${start}–${end - 1}`;
    })
    .join(', ');
}
