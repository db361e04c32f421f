import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { addDoctorCommand } from './commands/doctor.ts';
import { addImportCommand } from './commands/import.ts';
import { addInferCommand } from './commands/infer.ts';
import { addInspectCommand } from './commands/inspect.ts';
import { addJoinCommand } from './commands/join.ts';
import { addPlanCommand } from './commands/plan.ts';
import { addServeCommand } from './commands/serve.ts';
import { addSimulateCommand } from './commands/simulate.ts';
import { EXIT, reportFailure } from './terminal.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const program = new Command('peerceptron')
  .description('Open a URL on any device and it joins a mesh that runs one neural network together.')
  .version(version)
  .showHelpAfterError('(add --help for what there is)')
  .exitOverride();
for (const add of [
  addServeCommand,
  addJoinCommand,
  addInferCommand,
  addPlanCommand,
  addSimulateCommand,
  addInspectCommand,
  addImportCommand,
  addDoctorCommand,
]) {
  add(program);
}
for (const command of program.commands)
  command.exitOverride().showHelpAfterError('(add --help for what there is)');

try {
  await program.parseAsync();
} catch (thrown) {
  if (thrown instanceof CommanderError) {
    // Help and version are asked for; everything else that commander refuses is bad usage.
    process.exitCode = thrown.exitCode === 0 ? EXIT.ok : EXIT.usage;
  } else {
    process.exitCode = reportFailure(thrown, process.argv.includes('--json'));
  }
}
// Native WebRTC threads may keep the process alive after everything was closed. But what was printed must get out first: a
// pipe takes 64 KiB at once, and its reader may be slow.
await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
process.exit();

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    // A reader that has gone away wants nothing more.
    stream.once('error', () => resolve());
    stream.write('', () => resolve());
  });
}
