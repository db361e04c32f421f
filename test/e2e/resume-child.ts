/** A peer in a process of its own whose connections break after given numbers of bytes. Built and started by `resume.test.ts`. */
import { createReferenceEngine } from '../../src/engine/reference.ts';
import { systemClock } from '../../src/mesh/system-clock.ts';
import { parseRoomLink } from '../../src/protocol/room-link.ts';
import { RuntimeNode } from '../../src/runtime/runtime-node.ts';
import { servePeer } from '../../src/runtime/serve-peer.ts';
import { cuttingRtc } from '../support/cutting-rtc.ts';
import { joinReal } from './mesh-room.ts';

const rtc = cuttingRtc(JSON.parse(process.env['CUT_AT'] ?? '[]') as number[]);
const mesh = await joinReal(parseRoomLink(process.env['ROOM_LINK'] ?? ''), 'child', { openRtc: rtc.openRtc });
let channels = 0;
const node = new RuntimeNode(mesh);
const adopt = mesh.onChannel;
mesh.onChannel = (channel) => {
  channels += 1;
  adopt?.(channel);
};
servePeer({ node, engine: createReferenceEngine(), memoryBytes: 1e9, clock: systemClock });
process.stdout.write(`${mesh.self}\n`);
process.stdin.on('data', (command: Buffer) => {
  if (command.toString().includes('destroy')) rtc.destroyAll();
  process.stdout.write(`${JSON.stringify({ ...rtc.counts, channels })}\n`);
});
process.stdin.on('end', () => void mesh.leave().then(() => process.exit(0)));
