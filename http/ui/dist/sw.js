const PLACE = "/assets/f6cab4bd94ee6666";
const FILES = ["/assets/admin-YSCBVCN3.js", "/assets/app-ED2KL65M.js", "/assets/chunk-6PJEF4FB.js", "/assets/chunk-NUPDEJSM.js", "/assets/chunk-Q2YUAWXT.js", "/assets/chunk-SP4UCVWX.js", "/assets/chunk-U4CKXC3H.js", "/assets/chunk-XPXX2EQW.js", "/assets/de-NJXMBUC4.js", "/assets/icon-192-5887BD51.png", "/assets/icon-24C51029.svg", "/assets/icon-512-5A4B63E4.png", "/assets/page-WAPKZYN6.css", "/assets/settings-5XRSS3L5.js", "/assets/sign-CPDS7CIL.js"];
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
