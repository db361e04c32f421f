/** What WebRTC for Node is built for. */
const ARCHITECTURES = ['x64', 'arm64'];

/**
 * Why this Node cannot run Peerceptron, and what to do; undefined where it can.
 *
 * @param {{ arch: string, version: string, engines: string }} node `engines`: such as `>=20.19.0`, the only form that our package.json uses
 * @returns {string | undefined}
 */
export function unmetRequirement({ arch, version, engines }) {
  if (arch === 'arm')
    return (
      'this is a 32-bit Node.js for ARM, and WebRTC for Node exists for 64-bit systems alone. Install the 64-bit edition of Raspberry Pi OS ' +
      '(every Pi from 3 on, and the Zero 2 W, runs it) and Node.js in it. A 32-bit system can take part with its browser: open the room link there.'
    );
  if (!ARCHITECTURES.includes(arch))
    return `this Node.js is for ${arch}, and WebRTC for Node exists for ${ARCHITECTURES.join(' and ')} alone. A browser on this device can take part: open the room link there.`;
  const wanted = numbers(engines);
  const have = numbers(version);
  const differs = wanted.findIndex((number, index) => number !== have[index]);
  if (differs < 0 || have[differs] > wanted[differs]) return undefined;
  return `it needs Node.js ${wanted.join('.')} or newer, and this is ${version}. Install a current LTS version (https://nodejs.org), and run the command again.`;
}

const numbers = (text) => /(\d+)\.(\d+)\.(\d+)/.exec(text).slice(1).map(Number);
