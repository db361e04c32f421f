import { createInterface } from 'node:readline';
import { joinNodeMesh } from '../../headless/node-mesh.ts';
import { gatherPeers } from '../../headless/room-peers.ts';
import { systemClock } from '../../src/mesh/system-clock.ts';
import { parseRoomLink } from '../../src/protocol/room-link.ts';
import type { PeerId } from '../../src/shared/ids.ts';
import { seededRandom } from '../../src/shared/random.ts';
import { openRtcOfDevice } from './farm-delay.ts';
import type { FloorAnswer, FloorQuestion } from './floor.ts';

const CONNECT_TIMEOUT_MS = 30_000;
const ANSWER_TIMEOUT_MS = 30_000;
/** The next trip finds both devices at rest, at another moment of their quotas. */
const PAUSE_MS = 30;

const { mesh, node } = await joinNodeMesh({
  link: parseRoomLink(process.env['PEERCEPTRON_URL']!),
  name: 'floor',
  openRtc: openRtcOfDevice(),
});
await gatherPeers(mesh, { timeoutMs: CONNECT_TIMEOUT_MS });
const random = seededRandom(5);
const noise = Uint8Array.from({ length: 1e6 }, () => random.integer(256));
const pause = (): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, PAUSE_MS * (1 + random.next())));
const say = (answer: FloorAnswer): void => void process.stdout.write(`${JSON.stringify(answer)}\n`);

async function trips({ peer, count, sizeBytes }: FloorQuestion): Promise<number[]> {
  const channel = await node.channel(peer as PeerId);
  const times: number[] = [];
  for (let trip = 0; trip < count; trip++) {
    await pause();
    const since = performance.now();
    // The answer to what follows the last byte comes when that byte has arrived.
    if (sizeBytes > 0)
      await channel.sendStream({ kind: 'probe' }, noise.subarray(0, sizeBytes), { priority: 'weight' });
    await node.questions.ping(channel, systemClock, ANSWER_TIMEOUT_MS);
    times.push(performance.now() - since);
  }
  return times;
}

createInterface({ input: process.stdin })
  .on('line', (line) => {
    trips(JSON.parse(line) as FloorQuestion).then(
      (timesMs) => say({ timesMs }),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  })
  .once('close', () => void mesh.leave().finally(() => process.exit()));
process.on('SIGINT', () => undefined);
say({ timesMs: [] });
