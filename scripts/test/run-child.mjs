import { spawn } from 'node:child_process';

/**
 * Runs one command, by default with our own stdout and stderr, in a process group of its own so that a hung one can be ended
 * with all its children. Resolves with how it ended; never rejects.
 *
 * @param {readonly string[]} command program and arguments
 * @param {{ cwd: string, env?: NodeJS.ProcessEnv, timeoutMs: number, stdio?: import('node:child_process').StdioOptions }} options
 * @returns {Promise<{ ended: 'exited', status: number } | { ended: 'timed-out' } | { ended: 'crashed', reason: string }>}
 */
export function runChild(
  [program, ...args],
  { cwd, env = process.env, timeoutMs, stdio = ['ignore', 'inherit', 'inherit'] },
) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd, env, stdio, detached: true });
    let timedOut = false;
    const end = (signal) => {
      try {
        process.kill(-child.pid, signal);
      } catch {
        // Gone already.
      }
    };
    let lastResort;
    const limit = setTimeout(() => {
      timedOut = true;
      end('SIGTERM');
      lastResort = setTimeout(() => end('SIGKILL'), 5000);
    }, timeoutMs);
    const onInterrupt = (signal) => {
      end(signal);
      // Once all that run side by side have been told.
      setTimeout(() => process.exit(130));
    };
    process.once('SIGINT', onInterrupt).once('SIGTERM', onInterrupt);
    const finish = (result) => {
      clearTimeout(limit);
      clearTimeout(lastResort);
      process.removeListener('SIGINT', onInterrupt).removeListener('SIGTERM', onInterrupt);
      // A runner that crashed may leave workers or browsers of its own behind.
      if (child.pid) end('SIGKILL');
      resolve(result);
    };
    child.on('error', (error) => finish({ ended: 'crashed', reason: error.message }));
    child.on('exit', (status, signal) => {
      if (timedOut) finish({ ended: 'timed-out' });
      else if (status === null) finish({ ended: 'crashed', reason: `ended by ${signal}` });
      else finish({ ended: 'exited', status });
    });
  });
}
