import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Carrier, EndSignal } from './link-end.ts';
import type { EndCommand, EndReply } from './node-end.process.ts';

/** One end of the connections, wherever it runs. */
export interface RemoteEnd {
  /** Resolves when both connections are open. Before it, `onSignal` must be set. */
  open(initiator: boolean): Promise<unknown>;
  signal(signal: EndSignal): void;
  onSignal: (signal: EndSignal) => void;
  transfer(carrier: Carrier, sizeBytes: number, tensors: number): Promise<number>;
  roundTrips(durationMs: number): Promise<readonly number[]>;
  /** 0 where it cannot be known. */
  cpuSeconds(): Promise<number>;
  close(): Promise<void>;
}

export type NodeLibrary = 'wrtc' | 'node-datachannel';

/** An end in a Node process of its own. */
export function startNodeEnd(library: NodeLibrary = 'wrtc'): RemoteEnd {
  const program = fileURLToPath(new URL('./node-end.process.js', import.meta.url));
  const child = fork(program, [library], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const waiting: { resolve: (value: number | readonly number[]) => void; reject: (error: Error) => void }[] =
    [];
  child.on('message', (message: EndReply) => {
    if (message.type === 'signal') end.onSignal(message.signal);
    else waiting.shift()?.resolve(message.value);
  });
  child.once('exit', (code, signal) => {
    for (const { reject } of waiting.splice(0))
      reject(new Error(`an end of the link died (${signal ?? `code ${code}`})`));
  });
  const tell = (command: EndCommand): void => void child.send(command);
  const ask = (command: EndCommand): Promise<number | readonly number[]> =>
    new Promise((resolve, reject) => {
      waiting.push({ resolve, reject });
      tell(command);
    });
  const end: RemoteEnd = {
    onSignal: () => undefined,
    open: (initiator) => ask({ type: 'open', initiator }),
    signal: (signal) => tell({ type: 'signal', signal }),
    transfer: (carrier, sizeBytes, tensors) =>
      ask({ type: 'transfer', carrier, sizeBytes, tensors }) as Promise<number>,
    roundTrips: (durationMs) => ask({ type: 'round-trips', durationMs }) as Promise<readonly number[]>,
    cpuSeconds: () => ask({ type: 'cpu' }) as Promise<number>,
    async close() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      tell({ type: 'close' });
      child.disconnect();
      const force = setTimeout(() => child.kill('SIGKILL'), 5000);
      await gone;
      clearTimeout(force);
    },
  };
  return end;
}

/** Connects two ends; `sender` makes the offer. */
export async function connectEnds(sender: RemoteEnd, receiver: RemoteEnd): Promise<void> {
  sender.onSignal = (signal) => receiver.signal(signal);
  receiver.onSignal = (signal) => sender.signal(signal);
  // The receiver first: it must be there when the offer comes.
  const answered = receiver.open(false);
  await Promise.all([answered, sender.open(true)]);
}
