import { describe, expect, it } from 'vitest';
import { droppedFiles } from '../../../../src/ui/demo/dropped-entries.ts';

interface Folder {
  readonly [name: string]: string | Folder;
}

/** As browsers hand out what was dropped: entries, folders a few at a time. */
function entryOf(name: string, content: string | Folder): FileSystemEntry {
  const common = { name, isFile: typeof content === 'string', isDirectory: typeof content !== 'string' };
  if (typeof content === 'string') {
    const file = (give: (file: File) => void): void => give(new File([content], name));
    return { ...common, file } as unknown as FileSystemEntry;
  }
  const createReader = () => {
    const waiting = Object.entries(content).map(([inner, of]) => entryOf(inner, of));
    return { readEntries: (give: (some: FileSystemEntry[]) => void) => give(waiting.splice(0, 2)) };
  };
  return { ...common, createReader } as unknown as FileSystemEntry;
}

const itemsOf = (dropped: Folder): Pick<DataTransfer, 'items'> => {
  const items = Object.entries(dropped).map(([name, content]) => ({
    webkitGetAsEntry: () => entryOf(name, content),
    getAsFile: () => (typeof content === 'string' ? new File([content], name) : null),
  }));
  return { items: items as unknown as DataTransferItemList };
};
const namesOf = async (dropped: Folder): Promise<string[]> =>
  (await droppedFiles(itemsOf(dropped))).map(({ name }) => name).sort();

describe('what is dropped on the page', () => {
  it('is files, and all that is in folders', async () => {
    expect(await namesOf({ 'a.png': 'a' })).toEqual(['a.png']);
    const model = {
      'model.json': '{}',
      weights: { 'shard 1': '1', 'shard 2': '2', 'shard 3': '3', none: {} },
    };
    expect(await namesOf({ model, 'labels.txt': 'cat' })).toEqual([
      'labels.txt',
      'model.json',
      'shard 1',
      'shard 2',
      'shard 3',
    ]);
  });

  it('is no more than any model has', async () => {
    const many = Object.fromEntries(Array.from({ length: 6000 }, (_, index) => [`${index}`, '']));
    expect(await namesOf({ many })).toHaveLength(5000);
  });

  it('is what a browser hands out that knows no entries', async () => {
    const item = { webkitGetAsEntry: () => null, getAsFile: () => new File(['a'], 'a.png') };
    const files = await droppedFiles({ items: [item] as unknown as DataTransferItemList });
    expect(files.map(({ name }) => name)).toEqual(['a.png']);
  });
});
