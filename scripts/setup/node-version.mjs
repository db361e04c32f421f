import { SetupError } from './setup-error.mjs';

/**
 * @param {string} running such as `20.19.1`
 * @param {string} range such as `>=20.19.0`, the only form that our package.json uses
 */
export function isNodeSupported(running, range) {
  const wanted = numbers(range);
  const have = numbers(running);
  for (let i = 0; i < 3; i++) if (have[i] !== wanted[i]) return have[i] > wanted[i];
  return true;
}

/**
 * @param {string} running
 * @param {string} range
 */
export function requireNode(running, range) {
  if (isNodeSupported(running, range)) return;
  throw new SetupError(
    'NODE_TOO_OLD',
    `Peerceptron needs Node.js ${range.replace('>=', '')} or newer, this is ${running}. ` +
      'Install a current LTS version from https://nodejs.org and run the command again.',
  );
}

const numbers = (text) => {
  const found = /(\d+)\.(\d+)\.(\d+)/.exec(text);
  if (!found) throw new SetupError('NODE_TOO_OLD', `"${text}" is not a Node.js version`);
  return found.slice(1).map(Number);
};
