export const buildInputs: readonly string[];
export function fingerprint(root: string, paths: readonly string[]): string;
export function isInstalled(root: string): boolean;
