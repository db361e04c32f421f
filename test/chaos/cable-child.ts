/**
 * The server or a device of a room whose cables are pulled, in a network namespace of its own. Takes commands and tells what happens,
 * both as lines of JSON. Built and started by `cable-room.ts`.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createInterface } from 'node:readline';
import { createReferenceEngine } from '../../src/engine/reference.ts';
import type { Graph } from '../../src/graph/graph.ts';
import { systemClock } from '../../src/mesh/system-clock.ts';
import { parseRoomLink } from '../../src/protocol/room-link.ts';
import { RuntimeNode } from '../../src/runtime/runtime-node.ts';
import { servePeer } from '../../src/runtime/serve-peer.ts';
import { openSession } from '../../src/runtime/session.ts';
import { unreachable } from '../../src/shared/errors.ts';
import { asPeerId, asSessionId, toHex } from '../../src/shared/ids.ts';
import { seededRandom } from '../../src/shared/random.ts';
import { createSignalingServer } from '../../signaling/server.ts';
import { memorySource } from '../../src/weights/memory-source.ts';
import { joinReal, randomBytes } from '../e2e/mesh-room.ts';
import { cuttingRtc } from '../support/cutting-rtc.ts';
import type { CableCommand, CableEvent } from './cable-room.ts';

const tell = (event: CableEvent): void => void process.stdout.write(`${JSON.stringify(event)}\n`);
const commands = createInterface({ input: process.stdin });
/** The parent's end is this process's end. */
const untilTheEnd = (leave: () => Promise<void>): void =>
  void commands.once('close', () => void leave().then(() => process.exit(0)));

/** A megabyte that repeats: whoever receives it can tell a byte that is missing, doubled or in another place. */
function content(seed: number, sizeBytes: number): Uint8Array {
  const random = seededRandom(seed);
  // A length that divides no chunk.
  const pattern = Uint8Array.from({ length: 1_048_573 }, () => random.integer(256));
  const bytes = new Uint8Array(sizeBytes);
  for (let offset = 0; offset < sizeBytes; offset += pattern.length)
    bytes.set(pattern.subarray(0, sizeBytes - offset), offset);
  return bytes;
}

async function serveRoom(): Promise<void> {
  const server = createSignalingServer({ port: 0, host: '0.0.0.0' });
  untilTheEnd(() => server.close());
  const { port } = await server.ready;
  tell({ type: 'listening', port });
}

async function takePart(): Promise<void> {
  const rtc = cuttingRtc();
  const mesh = await joinReal(parseRoomLink(process.env['ROOM_LINK'] ?? ''), 'device', {
    openRtc: rtc.openRtc,
  });
  untilTheEnd(() => mesh.leave());
  mesh.subscribe((event) => {
    if (event.type === 'member' && event.member.state === 'connected')
      tell({ type: event.member.reconnecting ? 'reconnecting' : 'connected', peer: event.member.id });
    else if (event.type === 'member' && event.member.state === 'announced')
      tell({ type: 'announced', peer: event.member.id });
  });
  const node = new RuntimeNode(mesh);
  servePeer({ node, engine: createReferenceEngine(), memoryBytes: 1e9, clock: systemClock });

  const pull = (cables: readonly string[], state: 'up' | 'down'): void => {
    for (const cable of cables) execFileSync('ip', ['link', 'set', 'dev', cable, state]);
  };
  const openChannel = async (peer: string) => {
    const channel = await mesh.channel(asPeerId(peer));
    void channel.closed.then((error) => tell({ type: 'closed', code: error?.code ?? 'in order' }));
    return channel;
  };

  const obey = async (command: CableCommand): Promise<void> => {
    switch (command.type) {
      case 'pull-at':
        rtc.onCount = () => {
          if (rtc.counts.receivedBytes < command.receivedBytes) return;
          rtc.onCount = undefined;
          // Synchronously: nothing is granted meanwhile, so the sender cannot get to its end before the cables are out.
          pull(command.cables, 'down');
          tell({ type: 'pulled' });
          if (command.forMs !== undefined) setTimeout(() => pull(command.cables, 'up'), command.forMs);
        };
        return;
      case 'plug-in':
        pull(command.cables, 'up');
        return;
      case 'take': {
        const channel = await openChannel(command.peer);
        channel.onStream = (meta, totalBytes) => {
          const hash = createHash('sha256');
          let sizeBytes = 0;
          return {
            write: (bytes) => {
              hash.update(bytes);
              sizeBytes += bytes.length;
            },
            done: () =>
              tell({
                type: 'arrived',
                what: `${meta.kind === 'weight' ? meta.request : meta.kind}: ${sizeBytes} of ${totalBytes} bytes, ${hash.digest('hex')}`,
              }),
            failed: (error) => tell({ type: 'interrupted', code: error.code }),
          };
        };
        tell({ type: 'taking' });
        return;
      }
      case 'send': {
        const channel = await openChannel(command.peer);
        const sent = command.requests.map(async (request) => {
          const bytes = content(request, command.sizeBytes);
          const sha256 = createHash('sha256').update(bytes).digest('hex');
          await channel.sendStream({ kind: 'weight', request }, bytes, { priority: 'weight' });
          return `${request}: ${bytes.length} of ${bytes.length} bytes, ${sha256}`;
        });
        void Promise.allSettled(sent).then((results) =>
          tell({
            type: 'sent',
            what: results.map((result) =>
              result.status === 'fulfilled'
                ? result.value
                : String((result.reason as { code?: unknown }).code),
            ),
          }),
        );
        return;
      }
      case 'frames': {
        await openChannel(command.peer);
        const shape = [command.elements];
        const added = Float32Array.from({ length: command.elements }, (_, index) => (index % 1001) - 400);
        const graph: Graph = {
          name: 'much to carry',
          inputs: [{ id: 'x', shape }],
          nodes: [{ id: 'sum', op: { kind: 'bias' }, inputs: ['x'], weights: { bias: 'added' } }],
          outputs: ['sum'],
        };
        const tile = { peer: asPeerId(command.peer), outputs: [{ tensor: 'sum', box: [[0, command.elements]] as const }] }; // prettier-ignore
        const session = await openSession({
          node,
          graph,
          weights: memorySource([{ name: 'added', shape, data: added }]),
          plan: {
            session: asSessionId(toHex(randomBytes(16))),
            epoch: 0,
            model: graph.name,
            segments: [{ ops: [0, 1], lanes: [{ share: 1, tiles: [tile] }] }],
          },
          clock: systemClock,
          window: 3,
        });
        const runFrame = async (frame: number): Promise<void> => {
          const input = Float32Array.from({ length: command.elements }, (_, index) => (index + frame) % 97);
          const { outputs } = await session.run([input]);
          const wrong = outputs[0]!.findIndex((value, index) => value !== input[index]! + added[index]!);
          tell({ type: 'frame', frame, isRight: wrong === -1 });
        };
        await Promise.all(Array.from({ length: command.frames }, (_, frame) => runFrame(frame)));
        await session.close();
        tell({ type: 'framesDone' });
        return;
      }
      case 'count':
        tell({ type: 'counts', ...rtc.counts });
        return;
      default:
        unreachable(command);
    }
  };
  commands.on('line', (line) => {
    obey(JSON.parse(line) as CableCommand).catch((error: unknown) => {
      const { code, message } = error as { code?: string; message?: string };
      tell({ type: 'failed', code: code ?? String(message) });
    });
  });
  tell({ type: 'joined', peer: mesh.self });
}

await (process.env['ROOM_LINK'] === undefined ? serveRoom() : takePart());
