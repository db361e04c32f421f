/**
 * What a trace says about times: nothing fails when it is wrong, people are only misled.
 *
 * @type {readonly import('./mutate.mjs').Mutant[]}
 */
export const traces = [
  {
    id: 'trace-clock-one-way',
    breaks: 'the answer to a clock question counts as given when the question left',
    file: 'src/runtime/trace/clock-offset.ts',
    find: 'const localMs = sentMs + errorMs;',
    replace: 'const localMs = sentMs;',
    tests: ['clock-offset'],
  },
  {
    id: 'trace-clock-late-answer',
    breaks: 'an answer that waited for a connection counts as much as its neighbours',
    file: 'src/runtime/trace/clock-offset.ts',
    find: 'errorMs === boundMs[index]',
    replace: 'errorMs >= boundMs[index]!',
    tests: ['clock-offset'],
  },
  {
    id: 'trace-first-arrival',
    breaks: 'the critical path goes through the piece that arrived first',
    file: 'src/runtime/trace/critical-path.ts',
    find: 'latest && latest.endMs >= span.endMs ? latest : span',
    replace: 'latest && latest.endMs <= span.endMs ? latest : span',
    tests: ['trace-summary'],
  },
  {
    id: 'trace-late-compute',
    breaks: 'computing is placed by when its answer was read, over the tile before it',
    file: 'src/runtime/trace/peer-trace.ts',
    find: 'earlier.endMs = Math.min(earlier.endMs, latestMs);',
    replace: 'earlier.endMs = Math.max(earlier.endMs, latestMs);',
    tests: ['peer-trace'],
  },
];
