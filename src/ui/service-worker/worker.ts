import { cacheNameOf, outdatedCaches, routeOf, type ShellFiles, type ShellMessage } from './shell-routes.ts';

/** Written in by the build (`scripts/build/app-shell.ts`). */
declare const __SHELL__: ShellFiles;

/** The parts of ServiceWorkerGlobalScope that are used; its types cannot be loaded beside those of a page. */
interface ExtendableEvent extends Event {
  waitUntil(done: Promise<unknown>): void;
}
interface FetchEvent extends ExtendableEvent {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}
interface MessageEventToWorker extends ExtendableEvent {
  readonly data: unknown;
}
interface WorkerScope {
  readonly registration: { readonly scope: string };
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(type: 'install' | 'activate', listener: (event: ExtendableEvent) => void): void;
  addEventListener(type: 'fetch', listener: (event: FetchEvent) => void): void;
  addEventListener(type: 'message', listener: (event: MessageEventToWorker) => void): void;
}

const scope = globalThis as unknown as WorkerScope;
const files = __SHELL__;
const ownCache = (): Promise<Cache> => caches.open(cacheNameOf(files));
const urlOf = (file: string): string => new URL(file, scope.registration.scope).href;
/** A server that is off does not refuse, and a person does not wait for a network to give up. */
const PATIENCE_MS = 4000;

scope.addEventListener('install', (event) => {
  event.waitUntil(install());
});
scope.addEventListener('activate', (event) => {
  event.waitUntil(activate());
});
scope.addEventListener('message', (event) => {
  if (event.data === ('keep all' satisfies ShellMessage)) event.waitUntil(keepAll());
});
scope.addEventListener('fetch', (event) => {
  const route = routeOf(event.request, scope.registration.scope, files);
  if (!route) return;
  event.respondWith(
    route.kind === 'page' ? answerPage(event.request, route.file) : answerFile(event.request, route.file),
  );
});

async function install(): Promise<void> {
  const cache = await ownCache();
  // All or nothing: a shell with a hole starts no page.
  await cache.addAll(files.shell.map((file) => new Request(urlOf(file), { cache: 'no-cache' })));
  await scope.skipWaiting();
}

async function activate(): Promise<void> {
  const gone = outdatedCaches(await caches.keys(), cacheNameOf(files));
  await Promise.all(gone.map((name) => caches.delete(name)));
  await scope.clients.claim();
}

/** One after the other, behind what the pages themselves load. What fails is tried again at the next visit. */
async function keepAll(): Promise<void> {
  const cache = await ownCache();
  for (const file of files.later) {
    const url = urlOf(file);
    if (!(await cache.match(url))) await cache.add(url).catch(() => undefined);
  }
}

/** Kept answers have the headers that they came with, so a page from here is isolated (COOP, COEP) as one from the server. */
async function answerPage(request: Request, file: string): Promise<Response> {
  const network = fetch(request);
  const tooLate = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), PATIENCE_MS));
  const answer = await Promise.race([network.catch(() => undefined), tooLate]);
  if (answer && answer.status < 500) return answer;
  const kept = await (await ownCache()).match(urlOf(file));
  return kept ?? network;
}

/** From this build's cache, from an earlier one's (a page of that build may be open), from the server. */
async function answerFile(request: Request, file: string): Promise<Response> {
  const cache = await ownCache();
  const kept = (await cache.match(urlOf(file))) ?? (await caches.match(urlOf(file)));
  if (kept) return kept;
  const response = await fetch(request);
  if (response.status === 200 && response.type === 'basic') await cache.put(urlOf(file), response.clone());
  return response;
}
