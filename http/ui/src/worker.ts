// The service worker: caches the web app's own files, so that it opens offline. API responses are
// never cached. `build.mjs` fills in the file names.
declare const self: ServiceWorkerGlobalScope;

const PLACE = "{{version}}";
const FILES: string[] = ["{{files}}"];
const SHELL = "/app";

self.addEventListener("install", (event) => {
  event.waitUntil(keepAll());
});

async function keepAll() {
  const cache = await caches.open(PLACE);
  await cache.addAll([...FILES, SHELL].map((url) => new Request(url, { cache: "reload" })));
}

self.addEventListener("activate", (event) => {
  event.waitUntil(forgetOthers());
});

async function forgetOthers() {
  for (const name of await caches.keys()) {
    if (name.startsWith("/assets/") && name !== PLACE) {
      await caches.delete(name);
    }
  }
  await self.clients.claim();
}

// A new version takes over only when the web app says so, never during an action.
self.addEventListener("message", (event) => {
  if (event.data === "take-over") {
    void self.skipWaiting();
  }
});

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== self.location.origin) {
    return;
  }
  const isShell =
    url.pathname === "/" || url.pathname === "/app" || url.pathname.startsWith("/app/");
  if (event.request.mode === "navigate" && isShell) {
    event.respondWith(kept(SHELL, event.request));
  } else if (FILES.includes(url.pathname)) {
    event.respondWith(kept(url.pathname, event.request));
  }
});

async function kept(name: string, request: Request) {
  const cache = await caches.open(PLACE);
  return (await cache.match(name, { ignoreVary: true })) ?? fetch(request);
}
