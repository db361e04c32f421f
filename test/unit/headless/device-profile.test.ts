import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nodeDeviceProfile } from '../../../headless/device-profile.ts';
import { createReferenceEngine } from '../../../src/engine/reference.ts';

describe('the profile of this device', () => {
  const engine = createReferenceEngine();
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'peerceptron-profile-'));
    file = join(folder, 'deep', 'profiles.json');
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('is measured once, and kept', async () => {
    const first = await nodeDeviceProfile(engine, {}, file);
    const second = await nodeDeviceProfile(engine, {}, file);
    expect([first.measured, second.measured]).toEqual([true, false]);
    expect(second.profile).toEqual(first.profile);
  });

  it('is measured anew on request, and kept then', async () => {
    await nodeDeviceProfile(engine, {}, file);
    const fresh = await nodeDeviceProfile(engine, { profile: 'fresh' }, file);
    expect(fresh.measured).toBe(true);
    expect((await nodeDeviceProfile(engine, {}, file)).profile).toEqual(fresh.profile);
  });

  it('is measured anew where the file is damaged, and the file is good again', async () => {
    await nodeDeviceProfile(engine, {}, file);
    const text = await readFile(file, 'utf8');
    const damaged = [
      text.slice(0, text.length / 2),
      '[]',
      'null',
      text.replace(/"tileMs": [^,]+/, '"tileMs": -1'),
    ];
    for (const content of damaged) {
      expect(content).not.toBe(text);
      await writeFile(file, content);
      expect((await nodeDeviceProfile(engine, {}, file)).measured).toBe(true);
      expect((await nodeDeviceProfile(engine, {}, file)).measured).toBe(false);
    }
  });

  it('belongs to its engine', async () => {
    await nodeDeviceProfile(engine, {}, file);
    const other = { ...engine, name: 'another', load: engine.load.bind(engine) };
    expect((await nodeDeviceProfile(other, {}, file)).measured).toBe(true);
    expect((await nodeDeviceProfile(engine, {}, file)).measured).toBe(false);
  });

  it('is measured without a folder that can be written', async () => {
    await writeFile(join(folder, 'deep'), 'a file');
    expect((await nodeDeviceProfile(engine, {}, file)).measured).toBe(true);
  });
});
