import type { Clock } from '../shared/clock.ts';

/**
 * Passes on the first value at once, and then the latest one after each `everyMs`: a state that changes with every tile is
 * drawn no more often than people see.
 */
export function paced<Value>(
  clock: Pick<Clock, 'after'>,
  everyMs: number,
  show: (value: Value) => void,
): (value: Value) => void {
  let waiting: { readonly value: Value } | undefined;
  let isResting = false;
  const pass = (value: Value): void => {
    isResting = true;
    clock.after(everyMs, () => {
      isResting = false;
      const next = waiting;
      waiting = undefined;
      if (next) pass(next.value);
    });
    show(value);
  };
  return (value) => {
    if (isResting) waiting = { value };
    else pass(value);
  };
}
