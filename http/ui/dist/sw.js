const PLACE = "/assets/5d8b14e9027c66e6";
const FILES = ["/assets/admin-STEBEGIX.js", "/assets/app-EQN62E4F.js", "/assets/chunk-2LWYOH6U.js", "/assets/chunk-AYN7FAQ4.js", "/assets/chunk-NUPDEJSM.js", "/assets/chunk-O25TVYVM.js", "/assets/chunk-OF2PJSCZ.js", "/assets/de-KN3MAR3S.js", "/assets/icon-192-5887BD51.png", "/assets/icon-24C51029.svg", "/assets/icon-512-5A4B63E4.png", "/assets/page-I7NMPFXQ.css", "/assets/settings-NHGQM2IJ.js", "/assets/sign-EKCQCNCX.js"];
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
