import { readdirSync } from 'node:fs';
import type { StreamMeta } from '../../src/protocol/messages.ts';
import { asPeerId, asSessionId } from '../../src/shared/ids.ts';
import { createChannel } from '../../src/transport/mux.ts';
import type { OpenRtc, RtcConnection } from '../../src/transport/rtc.ts';

/**
 * `<library> cycles <count>`: connects two peers, sends, closes, so many times, and reports after every hundred.
 * `<library> exit <way>`: connects, and ends the process in one of the ways in which programs end.
 */
const [library, task, argument] = process.argv.slice(2);

/** Only the library that is watched is loaded. */
const openRtc: OpenRtc =
  library === 'node-datachannel'
    ? (await import('../../test/support/node-datachannel-rtc.ts')).openRtcNodeDatachannel
    : (await import('../../src/transport/simple-peer-node.ts')).openRtcNode;

const meta: StreamMeta = {
  kind: 'piece',
  session: asSessionId('5'.repeat(32)),
  epoch: 0,
  frame: 0,
  lanes: [],
  segment: 0,
  tile: 0,
  input: 0,
  piece: 0,
  codec: 'f32',
};
const data = new Uint8Array(300_000).fill(7);

function start(): readonly [RtcConnection, RtcConnection] {
  const offering = openRtc({ initiator: true, iceServers: [] });
  const answering = openRtc({ initiator: false, iceServers: [] });
  offering.onSignal = (signal) => answering.signal(signal);
  answering.onSignal = (signal) => offering.signal(signal);
  return [offering, answering];
}

async function connectedPair() {
  const [offering, answering] = start();
  const [a, b] = await Promise.all([offering.opened, answering.opened]);
  return {
    one: createChannel({ link: a.link, peer: asPeerId('b'.repeat(32)) }),
    other: createChannel({ link: b.link, peer: asPeerId('a'.repeat(32)) }),
  };
}

async function cycle(index: number): Promise<void> {
  if (index % 10 === 9) {
    // Closed while the connection is being set up: at once, or when the first signals are under way.
    const [offering, answering] = start();
    const opened = [offering, answering].map((connection) => connection.opened.catch(() => undefined));
    if (index % 20 === 19) await new Promise((resolve) => setImmediate(resolve));
    offering.close();
    answering.close();
    await Promise.all(opened);
    return;
  }
  const { one, other } = await connectedPair();
  const received = new Promise<void>((resolve, reject) => {
    other.onStream = (_meta, totalBytes) => ({
      buffer: new Uint8Array(totalBytes),
      done: resolve,
      failed: reject,
    });
  });
  await one.sendStream(meta, data, { priority: 'activation' });
  await received;
  if (index % 3 === 0) one.close();
  else if (index % 3 === 1) other.close();
  else {
    one.close();
    other.close();
  }
  await Promise.all([one.closed, other.closed]);
}

const count = (folder: string): number => {
  try {
    return readdirSync(folder).length;
  } catch {
    return 0; // Not Linux.
  }
};

/** Connections end on threads of the library's own, timers of a close run for two seconds, and memory is given back when it is collected. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 25; turn++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function cycles(total: number): Promise<void> {
  for (let index = 0; index < total; index++) {
    await cycle(index);
    if ((index + 1) % 100 === 0) {
      await settled();
      process.send?.({
        cycles: index + 1,
        rssBytes: process.memoryUsage.rss(),
        handles: process.getActiveResourcesInfo().length,
        threads: count('/proc/self/task'),
        files: count('/proc/self/fd'),
      });
    }
  }
  process.disconnect?.();
}

async function exit(way: string): Promise<void> {
  const pairs = await Promise.all([connectedPair(), connectedPair()]);
  const half = start();
  for (const { one } of pairs)
    void one.sendStream(meta, data, { priority: 'activation' }).catch(() => undefined);
  if (way === 'exit-while-open') process.exit(0);
  for (const { one } of pairs) one.close();
  for (const connection of half) connection.close();
  if (way === 'exit-while-closing') process.exit(0);
  await Promise.all(pairs.flatMap(({ one, other }) => [one.closed, other.closed]));
  if (way === 'exit-when-closed') process.exit(0);
  // 'end': nothing is left to do.
  process.disconnect?.();
}

if (task === 'cycles') await cycles(Number(argument));
else await exit(argument ?? 'end');
