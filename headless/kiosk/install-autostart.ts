import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { PeerceptronError, toPeerceptronError } from '../../src/shared/errors.ts';
import { UNIT, type Autostart } from './autostart.ts';

const run = promisify(execFile);

/** What a person has to do after `installAutostart`; nothing where it runs already. */
export interface InstalledAutostart {
  readonly running: boolean;
  readonly todo: readonly string[];
}

/** Writes the file, and has systemd start what is in it. @throws OUTPUT_UNWRITABLE */
export async function installAutostart({ kind, file, content }: Autostart): Promise<InstalledAutostart> {
  await writePrivate(file, content, 0o644);
  if (kind === 'desktop') {
    return { running: false, todo: ['It starts with the next login to the desktop of this user.'] };
  }
  try {
    await run('systemctl', ['--user', 'daemon-reload']);
    await run('systemctl', ['--user', 'enable', '--now', UNIT]);
  } catch (thrown) {
    const { message } = toPeerceptronError(thrown);
    return {
      running: false,
      todo: [
        `systemd does not answer here (${message.trim().split('\n').at(-1)}); in a session of this user: systemctl --user daemon-reload && systemctl --user enable --now ${UNIT}`,
        LINGER,
      ],
    };
  }
  return { running: true, todo: [LINGER] };
}

const LINGER = 'So that it starts without a login: sudo loginctl enable-linger "$USER"';

/** With the folders above it. @throws OUTPUT_UNWRITABLE */
export async function writePrivate(file: string, content: string, mode = 0o600): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(file, content, { mode });
  } catch (cause) {
    throw new PeerceptronError(
      'OUTPUT_UNWRITABLE',
      `${file} cannot be written: ${toPeerceptronError(cause).message}`,
      { cause },
    );
  }
}
