export function chromiumFlags(): string[];
export const showLocalAddresses: string;
