import { describe, expect, it } from 'vitest';
import { chromeTrace } from '../../../../src/runtime/trace/chrome-trace.ts';
import { shortId } from '../../../../src/shared/ids.ts';
import { chromeTraceProblems } from '../../../support/chrome-trace-rules.ts';
import { peerIdOf } from '../../../support/memory-network.ts';
import { syntheticTrace } from '../../../support/synthetic-trace.ts';

const trace = syntheticTrace({ computeMs: [3, 8], transferMs: [1, 2, 1], frames: 6, window: 3 });
const nameOf = (peer: string): string => `device ${Number(shortId(peer.slice(-6)))}`;
const chrome = chromeTrace(trace, nameOf);
const slices = chrome.traceEvents.filter(({ ph }) => ph === 'X');

describe('chromeTrace', () => {
  it('keeps the rules of the format: every field, no overlap on a thread, flows with both ends', () => {
    expect(chromeTraceProblems(chrome)).toEqual([]);
    // The rules themselves notice a break.
    const broken = chrome.traceEvents.map((event) => (event.ph === 'X' ? { ...event, tid: 1 } : event));
    expect(chromeTraceProblems({ ...chrome, traceEvents: broken }).length).toBeGreaterThan(10);
  });

  it('has a slice for every span, in microseconds, one process per device', () => {
    expect(slices).toHaveLength(trace.spans.length);
    const last = Math.max(...trace.spans.map(({ endMs }) => endMs));
    expect(Math.max(...slices.map(({ ts, dur }) => ts! + dur!))).toBeCloseTo(last * 1000, 2);
    const names = chrome.traceEvents.filter(({ name }) => name === 'process_name');
    expect(names.map(({ args }) => args?.['name'])).toEqual(['device 0', 'device 1', 'device 2']);
  });

  it('says of a computation which ops of which frame, and of a piece from whom to whom and how many bytes', () => {
    const compute = slices.find(
      ({ cat, pid, args }) => cat === 'compute' && pid === 3 && args?.['frame'] === 4,
    );
    expect(compute).toMatchObject({
      name: 'compute 4',
      dur: 8000,
      args: {
        frame: 4,
        segment: 1,
        lane: 0,
        tile: 0,
        ops: '2–3 (first1 … last1)',
        box: 'last1 [0, 4) × [0, 8)',
      },
    });
    const send = slices.find(({ cat, pid, args }) => cat === 'send' && pid === 2 && args?.['frame'] === 0);
    expect(send?.args).toMatchObject({ from: 'device 1', to: 'device 2', bytes: 1000, segment: 1, tile: 0 });
  });

  it('connects every sending with its arrival', () => {
    const flows = chrome.traceEvents.filter(({ ph }) => ph === 's' || ph === 'f');
    expect(flows.filter(({ ph }) => ph === 's')).toHaveLength(6 * 3);
    for (const start of flows.filter(({ ph }) => ph === 's')) {
      const end = flows.find(({ ph, id }) => ph === 'f' && id === start.id)!;
      expect(end.pid).not.toBe(start.pid);
      expect(end.ts).toBeGreaterThanOrEqual(start.ts!);
    }
  });

  it('counts the frames in flight, never beyond the window', () => {
    const counts = chrome.traceEvents
      .filter(({ ph }) => ph === 'C')
      .map(({ args }) => args?.['frames'] as number);
    expect(Math.max(...counts)).toBe(3);
    expect(counts.at(-1)).toBe(0);
  });

  it('leaves out the flow of a piece whose sending is not in the trace', () => {
    const spans = trace.spans.filter(({ stage, device }) => stage !== 'send' || device !== peerIdOf(1));
    const partial = chromeTrace({ ...trace, spans }, nameOf);
    expect(chromeTraceProblems(partial)).toEqual([]);
    expect(partial.traceEvents.filter(({ ph }) => ph === 's')).toHaveLength(6 * 2);
  });
});
