import { request } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { openMonitor, type Monitor, type MonitorOptions } from '../../../../headless/peer/monitor.ts';
import { healthOf } from '../../../../headless/peer/peer-monitor.ts';
import { PeerTally } from '../../../../headless/peer/peer-tally.ts';
import { PeerceptronError } from '../../../../src/shared/errors.ts';

const open: Monitor[] = [];
afterEach(() => {
  for (const monitor of open.splice(0)) monitor.close();
});

async function start(options: Partial<MonitorOptions> = {}): Promise<Monitor> {
  const monitor = await openMonitor({
    port: 0,
    health: () => ({ ok: true, phase: 'in-room' }),
    metrics: async () => [{ name: 'x_total', help: 'of x', type: 'counter', samples: [{ value: 3 }] }],
    ...options,
  });
  open.push(monitor);
  return monitor;
}

/** The status for somebody who calls this machine by that name, as pages can make browsers do. */
const statusFor = (url: string, host: string): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    request(`${url}metrics`, { headers: { host } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end();
  });

describe('the monitor of a peer', () => {
  it('answers on loopback with health and metrics, and nothing else', async () => {
    const { url } = await start();
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    const health = await fetch(`${url}healthz`);
    expect([health.status, await health.json()]).toEqual([200, { ok: true, phase: 'in-room' }]);
    const metrics = await fetch(`${url}metrics?x=1`);
    expect(await metrics.text()).toBe('# HELP x_total of x\n# TYPE x_total counter\nx_total 3\n');
    expect((await fetch(url)).status).toBe(404);
    expect((await fetch(`${url}metrics`, { method: 'POST' })).status).toBe(405);
  });

  it('is unwell by its status', async () => {
    const { url } = await start({ health: () => ({ ok: false }) });
    expect((await fetch(`${url}healthz`)).status).toBe(503);
  });

  it('tells nothing to pages that have made a name lead here', async () => {
    const { url } = await start();
    const port = new URL(url).port;
    expect(await statusFor(url, `evil.example:${port}`)).toBe(403);
    expect(await statusFor(url, `localhost:${port}`)).toBe(200);
  });

  it('says that somebody else has its port', async () => {
    const { url } = await start();
    await expect(start({ port: Number(new URL(url).port) })).rejects.toMatchObject({
      code: 'PORT_TAKEN',
      message: expect.stringContaining('--metrics-port') as string,
    });
  });
});

describe('the health of a peer', () => {
  const joined = { type: 'joined', id: 'a', room: 'room', memoryBytes: 1, share: 1 } as const;
  const lost = {
    type: 'mesh',
    event: { type: 'signaling', state: 'lost', error: new PeerceptronError('SIGNALING_LOST', 'gone') },
  } as const;
  const wellAfter = (events: readonly Parameters<PeerTally['add']>[0][], connectedPeers = 0): boolean => {
    const tally = new PeerTally();
    for (const event of events) tally.add(event);
    return healthOf(tally, connectedPeers, 1).ok;
  };

  it('is good in a room, as long as its server or somebody in it can be reached', () => {
    expect(wellAfter([])).toBe(false);
    expect(wellAfter([joined])).toBe(true);
    expect(wellAfter([joined, lost])).toBe(false);
    expect(wellAfter([joined, lost], 1)).toBe(true);
    expect(wellAfter([joined, { type: 'leaving' }], 1)).toBe(false);
  });
});
