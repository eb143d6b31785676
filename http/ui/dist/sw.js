const PLACE = "/assets/bbfded2c6c53d3fb";
const FILES = ["/assets/admin-QWOLOR7R.js", "/assets/app-D6XKGJGI.js", "/assets/chunk-CPZPIQUU.js", "/assets/chunk-DMY4SASX.js", "/assets/chunk-DW4HR75B.js", "/assets/chunk-NUPDEJSM.js", "/assets/chunk-PKUZCUX2.js", "/assets/chunk-RNQPZ6ZX.js", "/assets/de-ARA2P7LM.js", "/assets/icon-192-5887BD51.png", "/assets/icon-24C51029.svg", "/assets/icon-512-5A4B63E4.png", "/assets/page-6SAG63FH.css", "/assets/settings-SCRBO46D.js", "/assets/sign-OGR5SEU5.js"];
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
