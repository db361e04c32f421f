import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';

/** What a process has made of a farm: its namespaces, and its control groups in all hierarchies. */
export function leavingsOf(pid: number): string[] {
  const own = new RegExp(`^peerceptron-${pid}(-|$)`);
  const namespaces = execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' }).split('\n');
  const root = '/sys/fs/cgroup';
  const folders = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const groups = [root, ...folders.map(({ name }) => `${root}/${name}`)].flatMap((folder) =>
    readdirSync(folder),
  );
  return [...namespaces, ...groups].filter((name) => own.test(name));
}
