import { afterAll, describe, expect, it } from 'vitest';
import { openLocalRoom } from '../../headless/local-room.ts';
import { joinNodeMesh } from '../../headless/node-mesh.ts';
import { startPeerProcesses } from '../../headless/peer-processes.ts';
import { gatherPeers } from '../../headless/room-peers.ts';
import { systemClock } from '../../src/mesh/system-clock.ts';
import type { DeviceProfile } from '../../src/planner/profile.ts';
import { sharedProfile } from '../../src/planner/shared-profile.ts';
import { Survey } from '../../src/runtime/survey.ts';
import { runProgram } from '../support/program.ts';
import { testProfile } from '../support/test-profile.ts';

const undo: (() => unknown)[] = [];
afterAll(async () => {
  for (const step of undo.reverse()) await step();
});

describe('join --share', () => {
  it('says how fast that part of the device is, and another part when its parent asks for it', async () => {
    const room = await openLocalRoom({ port: 0, host: '127.0.0.1', room: 'share' });
    undo.push(() => room.server.close());
    const [process] = await startPeerProcesses({
      url: room.urlAt('127.0.0.1'),
      count: 1,
      engine: 'wasm',
      share: () => 0.25,
      program: 'dist/node/cli.js',
      cache: () => ({ cache: false }),
    });
    undo.push(() => process!.stop());
    const { mesh, node } = await joinNodeMesh({ link: room.link, name: 'asks' });
    undo.push(() => mesh.leave());
    const [member] = await gatherPeers(mesh, { count: 1, timeoutMs: 30_000 });
    const ask = async (): Promise<DeviceProfile> => {
      const survey = new Survey({ node, clock: systemClock, transport: testProfile.transport });
      const [device] = await survey.devices([{ id: member!.id, ...member!.capabilities }]);
      return device!.profile;
    };
    const quarter = await ask();
    await process!.setShare(1);
    // Measured once: all that it can is four times as much, to the last digit that a division leaves.
    expect(sharedProfile(await ask(), 0.25)).toEqual(quarter);
    await process!.setShare(0.25);
    expect(await ask()).toEqual(quarter);
  });

  it('refuses what is no part of a device', async () => {
    const { code, stderr } = await runProgram(['join', 'https://example.org/#room.secret', '--share', '25']);
    expect(code).toBe(2);
    expect(stderr).toContain('25% or 0.25');
  });
});
