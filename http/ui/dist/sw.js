const PLACE = "/assets/c672fb4fe7655708";
const FILES = ["/assets/admin-5UJUJ45Q.js", "/assets/app-76GL424L.js", "/assets/chunk-2OQZPM4G.js", "/assets/chunk-6CXHFNDU.js", "/assets/chunk-CO22QO36.js", "/assets/chunk-G26VOWQJ.js", "/assets/chunk-MU25QUDT.js", "/assets/chunk-NJF32BTV.js", "/assets/de-2NXMCSJ2.js", "/assets/icon-192-5887BD51.png", "/assets/icon-24C51029.svg", "/assets/icon-512-5A4B63E4.png", "/assets/page-RHILGYQR.css", "/assets/settings-62UAFCOT.js", "/assets/sign-A3UFJYMB.js"];
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
  const isShell = url.pathname === "/" || url.pathname === "/app" || url.pathname.startsWith("/app/");
  if (event.request.mode === "navigate" && isShell) {
    event.respondWith(kept(SHELL, event.request));
  } else if (FILES.includes(url.pathname)) {
    event.respondWith(kept(url.pathname, event.request));
  }
});
async function kept(name, request) {
  const cache = await caches.open(PLACE);
  return await cache.match(name, { ignoreVary: true }) ?? fetch(request);
}
