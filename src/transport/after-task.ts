const waiting: (() => void)[] = [];

function runAll(): void {
  for (const callback of waiting.splice(0)) callback();
}

const request = typeof setImmediate === 'function' ? (): void => void setImmediate(runAll) : viaMessage();

/** Calls back after the current task and all that it resolved. No timer: browsers slow those down in the background. */
export function afterTask(callback: () => void): void {
  if (waiting.push(callback) === 1) request();
}

function viaMessage(): () => void {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = runAll;
  return () => port2.postMessage(undefined);
}
