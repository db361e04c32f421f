import { describe, expect, it } from 'vitest';
import { cgroupMemoryLimit } from '../../../headless/cgroup-memory.ts';

const limit = (files: Readonly<Record<string, string>>): number | undefined =>
  cgroupMemoryLimit((path) => files[path]);
const NONE = '9223372036854771712\n';

describe('the limit of memory of this control group', () => {
  it('is that of version 2, the lowest on the way to the root', () => {
    const files = {
      '/proc/self/cgroup': '0::/system.slice/peerceptron.service\n',
      '/sys/fs/cgroup/system.slice/peerceptron.service/memory.max': 'max\n',
      '/sys/fs/cgroup/system.slice/memory.max': '400000000\n',
    };
    expect(limit(files)).toBe(400_000_000);
    expect(
      limit({ ...files, '/sys/fs/cgroup/system.slice/peerceptron.service/memory.max': '300000000\n' }),
    ).toBe(300_000_000);
  });

  it('is that of version 1, among other controllers', () => {
    expect(
      limit({
        '/proc/self/cgroup': '9:name=systemd:/\n5:cpu,cpuacct:/elsewhere\n4:memory:/docker/abc\n0::/\n',
        '/sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes': '536870912\n',
        '/sys/fs/cgroup/memory/memory.limit_in_bytes': NONE,
      }),
    ).toBe(536_870_912);
  });

  it('is found in a container, whose own group is the root whatever its name', () => {
    expect(
      limit({
        '/proc/self/cgroup': '4:memory:/docker/abc\n',
        '/sys/fs/cgroup/memory/memory.limit_in_bytes': '268435456\n',
      }),
    ).toBe(268_435_456);
    expect(limit({ '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/memory.max': '268435456\n' })).toBe(
      268_435_456,
    );
  });

  it('is none without a limit, without memory control, and on systems without groups', () => {
    expect(
      limit({
        '/proc/self/cgroup': '4:memory:/\n0::/\n',
        '/sys/fs/cgroup/memory/memory.limit_in_bytes': NONE,
      }),
    ).toBeUndefined();
    expect(limit({ '/proc/self/cgroup': '0::/user.slice\n' })).toBeUndefined();
    expect(limit({})).toBeUndefined();
  });

  it('is none that nobody could live with', () => {
    expect(limit({ '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/memory.max': '0\n' })).toBeUndefined();
  });
});
