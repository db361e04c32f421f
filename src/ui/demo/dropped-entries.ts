/** More than any model has, and an end to the home folder of somebody who let go too early. */
const MOST_FILES = 5000;

/** The files that were dropped, those in dropped folders included. */
export function droppedFiles({ items }: Pick<DataTransfer, 'items'>): Promise<File[]> {
  // At once: browsers forget what was dropped when the event is over.
  const dropped = [...items].map((item) => {
    const entry = item.webkitGetAsEntry();
    return entry && isFolder(entry) ? entry : item.getAsFile();
  });
  return gathered(dropped.filter((one) => one !== null));
}

async function gathered(dropped: readonly (File | FileSystemDirectoryEntry)[]): Promise<File[]> {
  const files: File[] = [];
  const waiting: (File | FileSystemEntry)[] = [...dropped];
  for (let one = waiting.shift(); one && files.length < MOST_FILES; one = waiting.shift()) {
    if (one instanceof File) files.push(one);
    else if (isFolder(one)) waiting.push(...(await entriesOf(one)));
    else if (isFile(one)) files.push(await fileOf(one));
  }
  return files;
}

const isFolder = (entry: FileSystemEntry): entry is FileSystemDirectoryEntry => entry.isDirectory;
const isFile = (entry: FileSystemEntry): entry is FileSystemFileEntry => entry.isFile;

const fileOf = (entry: FileSystemFileEntry): Promise<File> =>
  new Promise((resolve, reject) => entry.file(resolve, reject));

/** Browsers hand out a hundred at a time, and nothing at the end. */
async function entriesOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (some.length === 0) return all;
    all.push(...some);
  }
}
