import { connect, createServer } from 'node:net';
import { withCleanUp } from '../../bench/clean-up.ts';
import { openFarm } from '../../bench/farm/devices.ts';
import { equalFarm } from '../../bench/farm/description.ts';
import type { FarmPrograms } from '../../bench/farm/programs.ts';

/** Of the same receiver, by its clock. */
export interface Transfer {
  readonly bytes: number;
  readonly sinceMs: number;
  readonly untilMs: number;
}

/**
 * `receive`: tells its port; then, per connection, the bytes that came after the first of them, and when. `send <address> <port> <bytes>`: sends
 * them. `farm <programs>`: opens a farm of one device, tells the ids of its processes, and waits to be interrupted or killed.
 */
const [what = '', ...args] = process.argv.slice(2);
const say = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);
process.stdin.resume().once('close', () => process.exit());

switch (what) {
  case 'receive': {
    const server = createServer((socket) => {
      let sinceMs = Number.NaN;
      let bytes = 0;
      socket.on('data', (chunk) => {
        if (Number.isNaN(sinceMs)) sinceMs = performance.now();
        else bytes += chunk.length;
      });
      socket.once('end', () => say({ bytes, sinceMs, untilMs: performance.now() } satisfies Transfer));
    });
    server.listen(0, () => say(server.address()));
    break;
  }
  case 'send': {
    const [address, port, bytes] = args;
    const socket = connect(Number(port), address, () => socket.end(Buffer.alloc(Number(bytes), 1)));
    socket.once('close', () => process.exit());
    break;
  }
  case 'farm': {
    const description = equalFarm(1, { share: 0.2, memoryBytes: 1e9, megabitsPerSecond: 90 });
    const programs = JSON.parse(args[0] ?? '') as FarmPrograms;
    await withCleanUp(async (undo) => {
      const farm = await openFarm(undo, { description, programs, say: () => undefined });
      await farm.limit();
      say({ peers: farm.peers.map(({ pid }) => pid) });
      // As a benchmark fails from which devices are taken.
      await new Promise((_, reject) => undo.push(() => reject(new Error('interrupted'))));
    });
    break;
  }
  default:
    throw new Error(`no '${what}'`);
}
