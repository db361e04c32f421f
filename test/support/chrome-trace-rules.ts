import type { ChromeEvent, ChromeTrace } from '../../src/runtime/trace/chrome-trace.ts';

type Timed = ChromeEvent & { readonly ts: number };

/** What breaks the rules of the Trace Event Format, or would make a viewer drop an event; empty when nothing does. */
export function chromeTraceProblems(trace: ChromeTrace): string[] {
  const problems: string[] = [];
  const check = (holds: boolean, event: unknown, rule: string): void => {
    if (!holds) problems.push(`${rule}: ${JSON.stringify(event)}`);
  };
  const named = { process: new Set<number>(), thread: new Set<string>() };
  const slices = new Map<string, (Timed & { readonly dur: number })[]>();
  const flows = new Map<number, { start?: Timed; end?: Timed }>();
  for (const event of trace.traceEvents) {
    check(Number.isInteger(event.pid) && event.pid > 0, event, 'pid is a positive integer');
    check(Number.isInteger(event.tid) && event.tid >= 0, event, 'tid is an integer');
    check(typeof event.name === 'string' && event.name.length > 0, event, 'every event has a name');
    if (event.ph === 'M') {
      if (event.name === 'process_name') named.process.add(event.pid);
      if (event.name === 'thread_name') named.thread.add(`${event.pid}/${event.tid}`);
      check(
        event.args !== undefined && Object.keys(event.args).length === 1,
        event,
        'metadata has its argument',
      );
      continue;
    }
    check(Number.isFinite(event.ts) && event.ts! >= 0, event, 'ts is a time in the run');
    const timed = event as Timed;
    if (event.ph === 'X') {
      check(Number.isFinite(event.dur) && event.dur! >= 0, event, 'dur is not negative');
      check(typeof event.args?.['frame'] === 'number', event, 'a slice names its frame');
      const key = `${event.pid}/${event.tid}`;
      slices.set(key, [...(slices.get(key) ?? []), { ...timed, dur: event.dur! }]);
    } else if (event.ph === 'C') {
      check(
        typeof event.args?.['frames'] === 'number' && event.args['frames'] >= 0,
        event,
        'a counter has a value',
      );
    } else {
      check(Number.isInteger(event.id), event, 'a flow has an id');
      const flow = flows.get(event.id!) ?? {};
      check(flow[event.ph === 's' ? 'start' : 'end'] === undefined, event, 'a flow starts and ends once');
      if (event.ph === 's') flow.start = timed;
      else {
        flow.end = timed;
        check(event.bp === 'e', event, 'the end of a flow binds to the slice around it');
      }
      flows.set(event.id!, flow);
    }
  }
  for (const [key, row] of slices) {
    check(named.process.has(row[0]!.pid), row[0], 'the process has a name');
    check(named.thread.has(key), row[0], 'the thread has a name');
    const sorted = row.sort((a, b) => a.ts - b.ts || a.dur - b.dur);
    for (const [index, slice] of sorted.slice(1).entries()) {
      const before = sorted[index]!;
      // A nanosecond of slack for sums of doubles.
      check(before.ts + before.dur <= slice.ts + 1e-3, [before, slice], 'slices of a thread do not overlap');
    }
  }
  const around = (event: Timed): boolean =>
    (slices.get(`${event.pid}/${event.tid}`) ?? []).some(
      ({ ts, dur }) => ts <= event.ts + 1e-3 && event.ts <= ts + dur + 1e-3,
    );
  for (const flow of flows.values()) {
    check(flow.start !== undefined && flow.end !== undefined, flow, 'a flow has both ends');
    if (flow.start) check(around(flow.start), flow, 'a flow starts in a slice');
    if (flow.end) check(around(flow.end), flow, 'a flow ends in a slice');
  }
  return problems;
}
