const PLACE = "/assets/092449a37589ba25";
const FILES = ["/assets/admin-CMECHVHV.js", "/assets/app-Y7Q5PVPQ.js", "/assets/chunk-2KJ7MJR5.js", "/assets/chunk-3XY3FW3X.js", "/assets/chunk-BKAZ4AVN.js", "/assets/chunk-NUPDEJSM.js", "/assets/chunk-RWZDBZEF.js", "/assets/chunk-ZF3PVQWU.js", "/assets/de-BVMRRS6H.js", "/assets/icon-192-5887BD51.png", "/assets/icon-24C51029.svg", "/assets/icon-512-5A4B63E4.png", "/assets/page-6SAG63FH.css", "/assets/settings-FNQT5PQM.js", "/assets/sign-QYM2XH45.js"];
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
