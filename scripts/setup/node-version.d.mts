export function isNodeSupported(running: string, range: string): boolean;
export function requireNode(running: string, range: string): void;
