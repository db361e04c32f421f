const UNITS = ['', ' thousand', ' million', ' billion'] as const;

/** `5.8 million`, `15 billion`: large counts as people say them. */
export function formatCount(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value >= 10 ? Math.round(value) : Math.round(value * 10) / 10}${UNITS[unit]}`;
}
