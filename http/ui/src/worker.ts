// The service worker: keeps the web app's own files, so that it opens without a net. It touches
// nothing else: what the contracts answer is never kept here. `build.mjs` fills in the names.
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

// The web app says when: a new version takes over between two acts, never amid one.
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
