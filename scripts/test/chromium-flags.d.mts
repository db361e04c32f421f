export function chromiumFlags(options?: { readonly graphics?: boolean }): string[];
export const showLocalAddresses: string;
export const fakeCamera: string[];
