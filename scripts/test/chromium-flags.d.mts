export function chromiumFlags(): string[];
export const showLocalAddresses: string;
export const fakeCamera: string[];
