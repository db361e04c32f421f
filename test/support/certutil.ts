import { execFileSync } from 'node:child_process';

/** Whether certutil is there (package libnss3-tools), by which an authority is added without a hand. */
export const hasCertutil = (() => {
  try {
    execFileSync('certutil', ['-H'], { stdio: 'ignore' });
    return true;
  } catch (error) {
    // It answers its help with an exit code of its own.
    return !(error instanceof Error && 'code' in error && error.code === 'ENOENT');
  }
})();
