import { describe, expect, it } from 'vitest';
import {
  findHierarchy,
  groupsOf,
  memoryGroupLimit,
  processorGroupQuota,
  type ReadText,
} from '../../../headless/control-groups.ts';

describe('the hierarchy of a controller', () => {
  const first = 'cgroup /sys/fs/cgroup/cpu cgroup rw,cpu,cpuacct 0 0\n';
  const second = 'cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n';

  it('is that of version 1 where it is mounted there', () => {
    const root = '/sys/fs/cgroup/cpu';
    expect(findHierarchy('cpu', second + first, () => 'hugetlb')).toEqual({ version: 1, root });
  });

  it('is that of version 2 where it has the controller', () => {
    const root = '/sys/fs/cgroup/unified';
    expect(findHierarchy('memory', first + second, () => 'cpu memory\n')).toEqual({ version: 2, root });
  });

  it('is none where neither has', () => {
    expect(findHierarchy('memory', first + second, () => 'cpu')).toBeUndefined();
  });
});

const FIRST =
  'cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\ncgroup /sys/fs/cgroup/cpu cgroup rw,cpu,cpuacct 0 0\n';
const SECOND = 'cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n';
const files =
  (texts: Readonly<Record<string, string>>): ReadText =>
  (path) =>
    texts[path];

describe('the groups of this process', () => {
  const memberships = '3:memory:/other\n2:cpu,cpuacct:/farm/pi\n0::/farm/pi/limited\n';

  it('are its own and those around it, of version 1', () => {
    const read = files({ '/proc/self/cgroup': memberships, '/proc/mounts': FIRST });
    expect(groupsOf('cpu', read)).toEqual(
      ['/farm/pi', '/farm', ''].map((path) => ({ version: 1, path: `/sys/fs/cgroup/cpu${path}` })),
    );
  });

  it('are its own and those around it, of version 2', () => {
    const read = files({
      '/proc/self/cgroup': memberships,
      '/proc/mounts': SECOND,
      '/sys/fs/cgroup/cgroup.controllers': 'cpu memory\n',
    });
    expect(groupsOf('cpu', read)).toEqual(
      ['/farm/pi/limited', '/farm/pi', '/farm', ''].map((path) => ({
        version: 2,
        path: `/sys/fs/cgroup${path}`,
      })),
    );
  });

  it('are none where the controller is not, nor on systems without groups', () => {
    expect(groupsOf('cpu', files({ '/proc/self/cgroup': '0::/\n', '/proc/mounts': FIRST }))).toEqual([]);
    expect(groupsOf('cpu', files({ '/proc/self/cgroup': memberships }))).toEqual([]);
    expect(groupsOf('memory', files({}))).toEqual([]);
  });
});

describe('the limit of memory of these groups', () => {
  const NONE = '9223372036854771712\n';
  const first = (texts: Readonly<Record<string, string>>): number | undefined =>
    memoryGroupLimit(files({ '/proc/mounts': FIRST, ...texts }));
  const second = (texts: Readonly<Record<string, string>>): number | undefined =>
    memoryGroupLimit(
      files({ '/proc/mounts': SECOND, '/sys/fs/cgroup/cgroup.controllers': 'cpu memory\n', ...texts }),
    );

  it('is that of version 2, the lowest on the way to the root', () => {
    const slice = '/sys/fs/cgroup/system.slice';
    const texts = {
      '/proc/self/cgroup': '0::/system.slice/peerceptron.service\n',
      [`${slice}/peerceptron.service/memory.max`]: 'max\n',
      [`${slice}/memory.max`]: '400000000\n',
    };
    expect(second(texts)).toBe(400_000_000);
    expect(second({ ...texts, [`${slice}/peerceptron.service/memory.max`]: '300000000\n' })).toBe(
      300_000_000,
    );
  });

  it('is that of version 1, among other controllers', () => {
    expect(
      first({
        '/proc/self/cgroup': '9:name=systemd:/\n5:cpu,cpuacct:/elsewhere\n4:memory:/docker/abc\n0::/\n',
        '/sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes': '536870912\n',
        '/sys/fs/cgroup/memory/memory.limit_in_bytes': NONE,
      }),
    ).toBe(536_870_912);
  });

  it('is found in a container, whose own group is the root whatever its name', () => {
    expect(
      first({
        '/proc/self/cgroup': '4:memory:/docker/abc\n',
        '/sys/fs/cgroup/memory/memory.limit_in_bytes': '268435456\n',
      }),
    ).toBe(268_435_456);
    expect(second({ '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/memory.max': '268435456\n' })).toBe(
      268_435_456,
    );
  });

  it('is none without a limit, nor is one that nobody could live with', () => {
    expect(
      first({
        '/proc/self/cgroup': '4:memory:/\n0::/\n',
        '/sys/fs/cgroup/memory/memory.limit_in_bytes': NONE,
      }),
    ).toBeUndefined();
    expect(second({ '/proc/self/cgroup': '0::/user.slice\n' })).toBeUndefined();
    expect(second({ '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/memory.max': '0\n' })).toBeUndefined();
  });
});

describe('the quota of processor time of these groups', () => {
  it('is the lowest one, in processors', () => {
    const read = files({
      '/proc/self/cgroup': '2:cpu:/farm/pi\n',
      '/proc/mounts': FIRST,
      '/sys/fs/cgroup/cpu/farm/pi/cpu.cfs_quota_us': '1000\n',
      '/sys/fs/cgroup/cpu/farm/pi/cpu.cfs_period_us': '4000\n',
      '/sys/fs/cgroup/cpu/farm/cpu.cfs_quota_us': '-1\n',
      '/sys/fs/cgroup/cpu/farm/cpu.cfs_period_us': '100000\n',
    });
    expect(processorGroupQuota(read)).toBe(0.25);
  });

  it('of version 2 is in one file, and may be none', () => {
    const texts = {
      '/proc/self/cgroup': '0::/a\n',
      '/proc/mounts': SECOND,
      '/sys/fs/cgroup/cgroup.controllers': 'cpu memory\n',
    };
    expect(processorGroupQuota(files({ ...texts, '/sys/fs/cgroup/a/cpu.max': '150000 100000\n' }))).toBe(1.5);
    expect(
      processorGroupQuota(files({ ...texts, '/sys/fs/cgroup/a/cpu.max': 'max 100000\n' })),
    ).toBeUndefined();
    expect(processorGroupQuota(files(texts))).toBeUndefined();
  });
});
