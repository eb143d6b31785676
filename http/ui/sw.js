// Keeps the page's own files, so that it opens without a net. It touches nothing else: what the contracts answer is
// never kept here.
const PLACE = "{{place}}";
const FILES = [
{{files}}];
const SHELL = "/app";

self.addEventListener("install", (event) => {
  event.waitUntil((async () => {
    const cache = await caches.open(PLACE);
    await cache.addAll([...FILES, SHELL].map((url) => new Request(url, { cache: "reload" })));
  })());
});

self.addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) {
      if (name.startsWith("/assets/") && name !== PLACE) {
        await caches.delete(name);
      }
    }
    await self.clients.claim();
  })());
});

// The page says when: a new version takes over between two acts, never amid one.
self.addEventListener("message", (event) => {
  if (event.data === "take-over") {
    self.skipWaiting();
  }
});

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== self.location.origin) {
    return;
  }
  const isPage = url.pathname === "/" || url.pathname === "/app" || url.pathname.startsWith("/app/");
  if (event.request.mode === "navigate" && isPage) {
    event.respondWith(kept(SHELL, event.request));
  } else if (url.pathname.startsWith("/assets/") && FILES.includes(url.pathname)) {
    event.respondWith(kept(url.pathname, event.request));
  }
});

async function kept(name, request) {
  const cache = await caches.open(PLACE);
  return (await cache.match(name, { ignoreVary: true })) ?? fetch(request);
}
