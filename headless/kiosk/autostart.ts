import { homedir } from 'node:os';
import { join } from 'node:path';
import { systemdWord } from '../systemd-word.ts';

export interface Autostart {
  /** `systemd`: a unit of the user's, from boot on. `desktop`: with the user's desktop, which a screen needs. */
  readonly kind: 'systemd' | 'desktop';
  readonly file: string;
  readonly content: string;
}

export const UNIT = 'peerceptron-kiosk.service';

/**
 * What has a system start a command by itself. Neither file is secret, so the command must not hold the room's link.
 * `command`: the program and its arguments, with absolute paths.
 */
export function autostart(
  command: readonly string[],
  screen: boolean,
  env: Readonly<Record<string, string | undefined>>,
): Autostart {
  const config = env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config');
  return screen
    ? {
        kind: 'desktop',
        file: join(config, 'autostart', 'peerceptron-kiosk.desktop'),
        content: desktopEntry(command),
      }
    : { kind: 'systemd', file: join(config, 'systemd', 'user', UNIT), content: systemdUnit(command) };
}

function systemdUnit(command: readonly string[]): string {
  return `[Unit]
Description=Peerceptron kiosk: this device takes part in a room
StartLimitIntervalSec=0

[Service]
ExecStart=${command.map(systemdWord).join(' ')}
Restart=always
RestartSec=5
# The launcher ends its browser itself.
KillMode=mixed
TimeoutStopSec=20

[Install]
WantedBy=default.target
`;
}

function desktopEntry(command: readonly string[]): string {
  return `[Desktop Entry]
Type=Application
Name=Peerceptron kiosk
Comment=This device takes part in a room
Exec=${command.map(desktopWord).join(' ')}
X-GNOME-Autostart-enabled=true
`;
}

/** The Exec key of the Desktop Entry Specification: quoted, and then escaped once more as every string value. */
const desktopWord = (word: string): string =>
  /^[\w@+=:,./-]+$/.test(word)
    ? word
    : `"${word
        .replaceAll(/["`$\\]/g, '\\$&')
        .replaceAll('\\', '\\\\')
        .replaceAll('%', '%%')}"`;
