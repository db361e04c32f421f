import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { setUp } from '../../scripts/setup.mjs';
import { formatRoomLink, type RoomLink } from '../../src/protocol/room-link.ts';
import { capabilities, joinReal, until } from '../e2e/mesh-room.ts';
import { computeDigits } from '../support/compute-digits.ts';
import { isIn, startKiosk, type KioskProgram } from '../support/kiosk-program.ts';
import { processesOfGroup } from '../support/process-groups.ts';
import { openRestartableSite, type RestartableSite } from '../support/restartable-site.ts';

let site: RestartableSite;
let link: RoomLink;
let folder: string;
let kiosk: KioskProgram;
let browser: number;
beforeAll(async () => {
  await setUp('build');
});
beforeEach(async () => {
  site = await openRestartableSite();
  link = site.newRoom();
  folder = mkdtempSync(join(tmpdir(), 'peerceptron-kiosk-'));
  kiosk = startKiosk(formatRoomLink(link), join(folder, 'profile'), [
    '--frozen-after',
    '5',
    '--engine',
    'wasm',
  ]);
  browser = (await kiosk.event('started')).pid;
  await kiosk.event('page', 0, isIn);
});
afterEach(async () => {
  await kiosk.stop();
  await site.close();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
});

/** Frames through the kiosk, by somebody who has just come. */
async function expectToServe(): Promise<void> {
  const mesh = await joinReal(link, 'requester', {
    capabilities: { ...capabilities('requester'), serves: false },
  });
  await until(mesh, () => mesh.members.size === 1);
  await computeDigits(mesh);
  await mesh.leave();
}

const renderers = (): number[] =>
  processesOfGroup(browser)
    .filter(({ args }) => args.includes('--type=renderer'))
    .map(({ pid }) => pid);

/** The next browser, with its page in the room, after what is done to this one. */
async function comesBackAfter(harm: () => void): Promise<string> {
  await expectToServe();
  const before = await kiosk.count();
  harm();
  const { reason } = await kiosk.event('ended', before);
  const next = await kiosk.event('started', before);
  expect(next.pid).not.toBe(browser);
  await kiosk.event('page', before, isIn);
  // Nothing of the one before is left.
  await expect.poll(() => processesOfGroup(browser)).toEqual([]);
  browser = next.pid;
  await expectToServe();
  return reason;
}

describe('a kiosk', () => {
  it('comes back and rejoins after its browser was killed', async () => {
    const reason = await comesBackAfter(() => process.kill(browser, 'SIGKILL'));
    expect(reason).toMatch(/ended \(SIGKILL\)|process has ended|window/);
  });

  it('comes back and rejoins after its page was frozen', async () => {
    const reason = await comesBackAfter(() => {
      for (const pid of renderers()) process.kill(pid, 'SIGSTOP');
    });
    expect(reason).toContain('the page hangs: it has not answered');
  });

  it('comes back and rejoins after its whole browser was frozen', async () => {
    const reason = await comesBackAfter(() => process.kill(-browser, 'SIGSTOP'));
    expect(reason).toContain('the page hangs: it has not answered');
  });

  it("comes back and rejoins after its page's process was killed", async () => {
    const reason = await comesBackAfter(() => {
      for (const pid of renderers()) process.kill(pid, 'SIGKILL');
    });
    expect(reason).toBe("the page's process has ended");
  });

  it('takes its browser along when it is told to end, and when it is killed', async () => {
    const { code } = await kiosk.stop();
    expect(code).toBe(0);
    await expect.poll(() => processesOfGroup(browser)).toEqual([]);
    kiosk = startKiosk(formatRoomLink(link), join(folder, 'profile'));
    const { pid } = await kiosk.event('started');
    await kiosk.event('page', 0, isIn);
    await kiosk.program.stop('SIGKILL');
    await expect.poll(() => processesOfGroup(pid), { timeout: 20_000 }).toEqual([]);
  });
});
