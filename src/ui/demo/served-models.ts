import * as v from 'valibot';

/** A model in a folder of the room's own server. */
export interface ServedModel {
  readonly name: string;
  /** Below `models/`, with a slash at the end. */
  readonly path: string;
}

const schema = v.object({
  models: v.array(v.object({ name: v.string(), path: v.pipe(v.string(), v.regex(/^[^/:?#][^:?#]*$/)) })),
});

/** What the server has by `serve --models`; nothing where it has none, or is another kind of server. */
export async function servedModels(
  pageUrl: string,
  fetchFile: typeof fetch,
): Promise<readonly ServedModel[]> {
  try {
    const response = await fetchFile(new URL('models/index.json', pageUrl));
    if (!response.ok) return [];
    const listed = v.safeParse(schema, await response.json());
    return listed.success ? listed.output.models : [];
  } catch {
    return [];
  }
}
