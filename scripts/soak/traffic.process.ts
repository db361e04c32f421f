import { fork } from 'node:child_process';
import { openRtcNode } from '../../src/transport/simple-peer-node.ts';
import type { RtcConnection, RtcSignal } from '../../src/transport/rtc.ts';

/**
 * `<count>`: connects to a process of its own, sends as fast as it can, and the other side closes in the midst of it, so many
 * times. The two are processes, for a close has to come while this one is in the middle of a send.
 */
const [task = '1000'] = process.argv.slice(2);
/** Sent in one go, before events are looked at. */
const BURST = 500;
const MESSAGE = new Uint8Array(1_000).fill(7);
const LONGEST_MS = 20;

type Told = RtcSignal | 'connect';
const tell = (to: { send?(message: Told): unknown }, message: Told): void => void to.send?.(message);

function close(): void {
  let connection: RtcConnection | undefined;
  process.on('message', (message: Told) => {
    if (message !== 'connect') return connection?.signal(message);
    const mine = openRtcNode({ initiator: false, iceServers: [] });
    connection = mine;
    mine.onSignal = (signal) => tell(process, signal);
    mine.opened.then(
      ({ link }) => {
        link.onMessage = () => undefined;
        setTimeout(() => link.close(), Math.random() * LONGEST_MS);
      },
      // The next one is asked for anyway.
      () => undefined,
    );
  });
}

async function send(count: number): Promise<void> {
  const closer = fork(process.argv[1]!, ['close']);
  let connection: RtcConnection | undefined;
  closer.on('message', (signal: RtcSignal) => connection?.signal(signal));
  for (let index = 0; index < count; index++) {
    const mine = openRtcNode({ initiator: true, iceServers: [] });
    connection = mine;
    tell(closer, 'connect');
    mine.onSignal = (signal) => tell(closer, signal);
    const opened = await mine.opened.catch(() => undefined);
    // On a machine this busy some connections never open, which is not what is looked for here.
    if (!opened) continue;
    const { link } = opened;
    await new Promise<void>((resolve) => {
      let isOpen = true;
      link.onMessage = () => undefined;
      link.onClose = () => {
        isOpen = false;
        resolve();
      };
      const burst = (): void => {
        try {
          for (let sent = 0; sent < BURST; sent++) link.send(MESSAGE);
        } catch {
          return; // It is closing.
        }
        if (isOpen) setImmediate(burst);
      };
      burst();
    });
    if ((index + 1) % 10 === 0) process.send?.({ cycles: index + 1 });
  }
  closer.kill();
  process.disconnect?.();
}

if (task === 'close') close();
else await send(Number(task));
