import type { WakeLockState } from './peer-state.ts';

/**
 * Keeps the screen on until `stop()`: a sleeping phone drops out of the mesh. The browser takes the lock away whenever
 * the page is hidden, so it is asked for again when the page comes back.
 */
export function keepAwake(onState: (state: WakeLockState) => void): { stop(): void } {
  // Absent on plain http and in older browsers, whatever the type library says.
  const wakeLock = (navigator as Partial<Navigator>).wakeLock;
  if (!wakeLock) {
    onState('unavailable');
    return { stop: () => undefined };
  }
  let held: WakeLockSentinel | undefined;
  let asking = false;
  let stopped = false;
  const ask = async (): Promise<void> => {
    if (stopped || asking || document.visibilityState !== 'visible' || (held && !held.released)) return;
    asking = true;
    try {
      held = await wakeLock.request('screen');
      held.addEventListener('release', () => onState('released'));
      onState('held');
      if (stopped) await held.release();
    } catch {
      // Low battery, or a policy of the browser: the page works without.
      onState('released');
    } finally {
      asking = false;
    }
  };
  const onVisible = (): void => void ask();
  document.addEventListener('visibilitychange', onVisible);
  void ask();
  return {
    stop: () => {
      stopped = true;
      document.removeEventListener('visibilitychange', onVisible);
      void held?.release();
    },
  };
}
