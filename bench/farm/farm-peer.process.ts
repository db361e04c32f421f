import { Command } from 'commander';
import { addJoinCommand } from '../../headless/commands/join.ts';
import { reportFailure } from '../../headless/terminal.ts';
import { openRtcOfDevice } from './farm-delay.ts';

/** `peerceptron join` on a device whose link has a delay. */
const program = new Command('farm-peer');
addJoinCommand(program, { openRtc: openRtcOfDevice() });
try {
  await program.parseAsync();
} catch (thrown) {
  process.exitCode = reportFailure(thrown, true);
}
// Native WebRTC threads may keep the process alive after everything was closed.
process.stdout.write('', () => process.exit());
