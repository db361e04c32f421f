import type { NetworkName } from '../../models/presets.ts';

/** What somebody wants the room to compute. */
export type ModelChoice =
  /** Comes with the page: no download from elsewhere. */
  | { readonly kind: 'bundled' }
  /** A folder of the room's own server (`serve --models`). */
  | { readonly kind: 'served'; readonly name: string; readonly path: string }
  /** Built by the program; with random weights where no file of them is given. */
  | { readonly kind: 'preset'; readonly name: NetworkName; readonly weights?: File }
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'files'; readonly files: readonly File[] };

/** How a file names a choice; nothing where it cannot, for the files are on somebody's device. */
export type StoredChoice = Exclude<ModelChoice, { readonly kind: 'files' }>;

export function storable(choice: ModelChoice): StoredChoice | undefined {
  return choice.kind === 'files' || (choice.kind === 'preset' && choice.weights) ? undefined : choice;
}

/** For people; `digits`, `vgg16`, the last part of an address, the first file. */
export function choiceTitle(choice: ModelChoice): string {
  switch (choice.kind) {
    case 'bundled':
      return 'digits';
    case 'served':
    case 'preset':
      return choice.name;
    case 'url':
      return choice.url.split(/[?#]/)[0]!.split('/').filter(Boolean).at(-1) ?? choice.url;
    case 'files':
      return choice.files[0]?.name ?? '';
  }
}

export const sameChoice = (a: ModelChoice, b: ModelChoice): boolean =>
  a === b || (storable(a) !== undefined && JSON.stringify(a) === JSON.stringify(b));
