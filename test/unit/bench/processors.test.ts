import { describe, expect, it } from 'vitest';
import { allowedProcessors, startOn } from '../../../bench/processors.ts';

describe('processors that a process may run on', () => {
  it.each([
    ['0-1', [0, 1]],
    ['3', [3]],
    ['0,2-4,7', [0, 2, 3, 4, 7]],
  ])('are read from %s', (list, expected) => {
    const status = `Name:\tnode\nCpus_allowed:\tff\nCpus_allowed_list:\t${list}\nMems_allowed_list:\t0\n`;
    expect(allowedProcessors(status)).toEqual(expected);
  });

  it('are none where the system does not say', () => {
    expect(allowedProcessors('Name:\tnode\n')).toEqual([]);
  });

  it('are told to programs as they start', () => {
    expect(startOn(3)).toEqual(['taskset', '--cpu-list', '3']);
  });
});
