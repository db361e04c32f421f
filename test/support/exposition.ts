const HEADING = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/;
const SAMPLE =
  /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*",?)*\})? (\S+)$/;

/**
 * Prometheus' text format, strictly: every line is a heading or a sample, every sample stands below the type of its metric, nothing is said
 * twice. By name and labels as written.
 */
export function parseExposition(text: string): Map<string, number> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const samples = new Map<string, number>();
  const seen = new Set<string>();
  let metric = '';
  let type = '';
  for (const line of text.slice(0, -1).split('\n')) {
    const heading = HEADING.exec(line);
    if (heading) {
      const [, kind, name, rest] = heading as unknown as [string, string, string, string];
      if (kind === 'HELP') {
        if (seen.has(name)) throw new Error(`${name} comes twice`);
        seen.add(name);
        metric = name;
      } else if (name !== metric) throw new Error(`the type of ${name} stands below ${metric}`);
      else type = rest;
      continue;
    }
    const sample = SAMPLE.exec(line);
    if (!sample) throw new Error(`no sample: ${line}`);
    const [, name, labels = '', value] = sample as unknown as [string, string, string | undefined, string];
    const base = type === 'histogram' ? name.replace(/_(bucket|sum|count)$/, '') : name;
    if (base !== metric) throw new Error(`${name} stands below ${metric}`);
    if (samples.has(name + labels)) throw new Error(`${name}${labels} comes twice`);
    const number = value === '+Inf' ? Infinity : Number(value);
    if (Number.isNaN(number)) throw new Error(`${name} is ${value}`);
    samples.set(name + labels, number);
  }
  return samples;
}
