import { describe, expect, it } from 'vitest';
import { findHierarchy, groupsOf } from '../../../headless/control-groups.ts';

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

describe('the groups of a process', () => {
  const first = 'cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n';
  const second = 'cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n';
  const memberships = '3:memory:/other\n2:cpu,cpuacct:/farm/pi\n0::/farm/pi/limited\n';

  it('are its own and those above, of version 1', () => {
    expect(groupsOf('cpu', memberships, first, () => '')).toEqual(
      ['/farm/pi', '/farm', ''].map((path) => ({ version: 1, path: `/sys/fs/cgroup/cpu${path}` })),
    );
  });

  it('are its own and those above, of version 2', () => {
    expect(groupsOf('cpu', memberships, second, () => 'cpu memory')).toEqual(
      ['/farm/pi/limited', '/farm/pi', '/farm', ''].map((path) => ({
        version: 2,
        path: `/sys/fs/cgroup${path}`,
      })),
    );
  });

  it('are none where the controller is not', () => {
    expect(groupsOf('cpu', '0::/\n', first)).toEqual([]);
    expect(groupsOf('cpu', memberships, '')).toEqual([]);
  });
});
