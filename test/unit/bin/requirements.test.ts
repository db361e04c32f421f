import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { unmetRequirement } from '../../../bin/requirements.mjs';

const bin = fileURLToPath(new URL('../../../bin/peerceptron.mjs', import.meta.url));
const { engines } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
  engines: { node: string };
};
const node = { arch: 'arm64', version: '24.1.0', engines: engines.node };

describe('what the program needs', () => {
  it('is there on 64-bit systems with a current Node', () => {
    expect(unmetRequirement(node)).toBeUndefined();
    expect(unmetRequirement({ ...node, arch: 'x64', version: '20.19.0' })).toBeUndefined();
  });

  it('is not on 32-bit systems, which are told what to do', () => {
    expect(unmetRequirement({ ...node, arch: 'arm' })).toMatch(/64-bit edition of Raspberry Pi OS.*browser/);
    expect(unmetRequirement({ ...node, arch: 'ia32' })).toMatch(/for ia32/);
  });

  it('is not in an old Node', () => {
    for (const version of ['18.20.4', '20.18.3', '12.22.9'])
      expect(unmetRequirement({ ...node, version })).toContain(`this is ${version}`);
  });

  it('is looked at before anything is loaded, with a code in front', () => {
    const pretend = `Object.defineProperty(process, 'arch', { value: 'arm' }); process.argv[1] = ${JSON.stringify(bin)}; await import(${JSON.stringify(pathToFileURL(bin).href)});`;
    let said: unknown;
    try {
      execFileSync(process.execPath, ['--input-type=module', '--eval', pretend], {
        encoding: 'utf8',
        stdio: 'pipe',
      });
    } catch (error) {
      said = error;
    }
    expect(said).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^error PLATFORM_UNSUPPORTED: this is a 32-bit/) as string,
    });
  });
});
