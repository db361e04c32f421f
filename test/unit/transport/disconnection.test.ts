import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { watchDisconnection } from '../../../src/transport/disconnection.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function watched() {
  const initial: { iceConnectionState: RTCIceConnectionState } = { iceConnectionState: 'connected' };
  const connection = Object.assign(new EventTarget(), initial);
  const lost = vi.fn();
  const stop = watchDisconnection(connection, lost);
  const become = (state: RTCIceConnectionState): void => {
    connection.iceConnectionState = state;
    connection.dispatchEvent(new Event('iceconnectionstatechange'));
  };
  return { become, lost, stop };
}

describe('a connection that WebRTC calls disconnected', () => {
  it('[RES7] is lost after ten seconds, once', () => {
    const { become, lost } = watched();
    become('disconnected');
    vi.advanceTimersByTime(9_999);
    expect(lost).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    become('disconnected');
    vi.advanceTimersByTime(60_000);
    expect(lost).toHaveBeenCalledTimes(1);
  });

  it('is not lost when it is connected again, and its time starts anew', () => {
    const { become, lost } = watched();
    for (const state of ['disconnected', 'connected', 'disconnected', 'completed'] as const) {
      become(state);
      vi.advanceTimersByTime(9_000);
    }
    vi.advanceTimersByTime(60_000);
    expect(lost).not.toHaveBeenCalled();
  });

  it('leaves no timer behind when it ends', () => {
    const { become, lost, stop } = watched();
    become('disconnected');
    stop();
    become('disconnected');
    expect(vi.getTimerCount()).toBe(0);
    expect(lost).not.toHaveBeenCalled();
  });
});
