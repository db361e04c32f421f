/** Which build a page is of: the scripts and styles that it names, whose own names change with their content. */
export function buildOf(document: ParentNode): string {
  const named = document.querySelectorAll('script[type="module"][src], link[rel="stylesheet"][href]');
  return [...named].map((element) => element.getAttribute('src') ?? element.getAttribute('href')).join(' ');
}

export type ServedPage =
  | 'same'
  /** The server has another build of it. */
  | 'changed'
  /** Nobody answers, or not with this page. */
  | 'absent';

/** What the server has at the address of this page now. `load` bypasses caches; never rejects. */
export async function lookAtServedPage(
  running: string,
  href: string,
  load: (url: string) => Promise<Response>,
): Promise<ServedPage> {
  try {
    const response = await load(href);
    if (!response.ok) return 'absent';
    const served = buildOf(new DOMParser().parseFromString(await response.text(), 'text/html'));
    if (served === '') return 'absent';
    return served === running ? 'same' : 'changed';
  } catch {
    return 'absent';
  }
}
