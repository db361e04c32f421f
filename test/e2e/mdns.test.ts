import { X509Certificate } from 'node:crypto';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { whyNoNetwork } from '../../bench/farm/namespaces.ts';
import { openFarmNetwork } from '../../bench/farm/network.ts';
import { HostName } from '../../headless/mdns/host-name.ts';
import type { MdnsMessage } from '../../headless/mdns/mdns-link.ts';
import { openMdnsLink } from '../../headless/mdns/open-mdns-link.ts';
import { setUp } from '../../scripts/setup.mjs';
import { systemClock } from '../../src/mesh/system-clock.ts';
import { startProgram } from '../support/program.ts';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

/** A name of this run's own: real devices may be near. */
const wanted = `peerceptron-test-${process.pid}`;
const loopback = { address: '127.0.0.1', netmask: '255.0.0.0' };
const openLink = (addresses: readonly string[]) => {
  const link = openMdnsLink({ ...loopback, addresses }, (error) => {
    throw error;
  });
  undo.push(() => link.close());
  return link;
};

/** Holds the name, or the next one that is free, as a machine that has this address. */
async function hold(address: string): Promise<HostName> {
  const link = openLink([address]);
  return new Promise((resolve) => {
    const host: HostName = new HostName({
      wanted,
      clock: systemClock,
      random: () => Math.random(),
      isOwn: (other) => other === address,
      onName: () => resolve(host),
    });
    host.setLinks([link]);
    // Runs before its link is closed.
    undo.push(() => host.close());
  });
}

describe('names over real sockets', () => {
  it('are one for each of two machines, answered for, and taken back', async () => {
    const first = await hold('127.0.0.1');
    const second = await hold('127.0.0.2');
    expect(first.held).toBe(`${wanted}.local`);
    expect(second.held).toBe(`${wanted}-2.local`);

    const asker = openLink([]);
    const heard: MdnsMessage['answers'][number][] = [];
    asker.onMessage = ({ kind, answers }) => {
      if (kind === 'response') heard.push(...answers);
    };
    asker.send({
      kind: 'query',
      questions: [first, second].map((host) => ({ name: host.held!, type: 'A' })),
      answers: [],
      claims: [],
    });
    const record = (name: string, address: string, ttl: number) => ({ type: 'A', name, address, ttl });
    await expect
      .poll(() => heard, { timeout: 10_000 })
      .toEqual(
        expect.arrayContaining([
          record(`${wanted}.local`, '127.0.0.1', 120),
          record(`${wanted}-2.local`, '127.0.0.2', 120),
        ]),
      );
    first.close();
    await expect
      .poll(() => heard, { timeout: 10_000 })
      .toContainEqual(record(`${wanted}.local`, '127.0.0.1', 0));
  });
});

const missing = whyNoNetwork();

describe.skipIf(missing)(`serve in a network${missing ? ` (skipped: ${missing})` : ''}`, () => {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  beforeAll(async () => {
    await setUp('build');
  });

  interface ServeReport {
    readonly name: string;
    readonly links: readonly string[];
    readonly https: { readonly links: readonly string[] };
  }

  /** Asks like any other device would, by another program. */
  async function addressesOf(
    names: readonly string[],
    command: readonly string[],
    ownAddress: string,
  ): Promise<string[]> {
    const script = `
      const socket = require('multicast-dns')({ interface: process.argv[1], bind: '0.0.0.0' });
      const names = process.argv.slice(2), found = new Map();
      socket.on('response', ({ answers }) => {
        for (const { type, name, data } of answers) if (type === 'A' && names.includes(name)) found.set(name, data);
        if (found.size === names.length) {
          console.log(JSON.stringify(names.map((name) => found.get(name))));
          socket.destroy();
        }
      });
      socket.query(names.map((name) => ({ name, type: 'A' })));`;
    const [first, ...rest] = [...command, process.execPath, '-e', script];
    const { stdout } = await promisify(execFile)(first, [...rest, ownAddress, ...names], {
      cwd: root,
      timeout: 30_000,
    });
    return JSON.parse(stdout) as string[];
  }

  it('has a name of its own on each of two devices, in its links and in its certificate', async () => {
    const devices = ['one', 'two', 'three'].map((name) => ({ name, megabitsPerSecond: 100 }));
    const network = openFarmNetwork(devices);
    undo.push(() => network.close());
    const folder = mkdtempSync(join(tmpdir(), 'peerceptron-mdns-'));
    undo.push(() => rmSync(folder, { recursive: true, force: true }));
    // At about the same time: one has to give way.
    const served = await Promise.all(
      ['one', 'two'].map(async (device) => {
        const data = join(folder, device);
        const program = startProgram(
          ['serve', '--https', '--port', '8080', '--json'],
          { PEERCEPTRON_DATA: data },
          network.commandOf(device),
        );
        undo.push(() => program.stop());
        const report = (await program.firstJson()) as ServeReport;
        return { device, report, certificate: () => readFileSync(join(data, 'https/server.pem')) };
      }),
    );
    expect(served.map(({ report }) => report.name).sort()).toEqual([
      'peerceptron-2.local',
      'peerceptron.local',
    ]);
    for (const { device, report, certificate } of served) {
      const hosts = (links: readonly string[]) => links.map((link) => new URL(link).hostname);
      expect(hosts(report.links)).toEqual([network.addressOf(device), report.name]);
      expect(hosts(report.https.links)).toEqual([network.addressOf(device), report.name]);
      expect(new X509Certificate(certificate()).checkHost(report.name)).toBe(report.name);
    }
    const names = served.map(({ report }) => report.name);
    expect(await addressesOf(names, network.commandOf('three'), network.addressOf('three'))).toEqual(
      served.map(({ device }) => network.addressOf(device)),
    );
  });
});
