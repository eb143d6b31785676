// Registers the service worker (`worker.ts`), which makes the web app available offline.
import { toast } from "./base/toasts";
import { t } from "./texts";

/** The part of Trusted Types in use; TypeScript does not know them yet. */
interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL: () => string },
  ): { createScriptURL(url: string): string };
}

/** Registers the worker and announces new versions. */
export async function startWorker() {
  if (!("serviceWorker" in navigator)) {
    return;
  }
  // The policy allows this one script URL.
  const types = (window as Window & { trustedTypes?: TrustedTypes }).trustedTypes;
  const policy = types?.createPolicy("taskwell", { createScriptURL: () => "/assets/sw.js" });
  let hadOne = navigator.serviceWorker.controller !== null;
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    if (hadOne) {
      location.reload();
    }
    hadOne = true;
  });
  try {
    const kept = await navigator.serviceWorker.register(
      policy ? policy.createScriptURL("") : "/assets/sw.js",
      { scope: "/" },
    );
    if (!kept) {
      return;
    }
    const offer = (worker: ServiceWorker | null) => {
      if (worker && navigator.serviceWorker.controller) {
        toast(t.toast.update, {
          ms: Infinity,
          action: { label: t.toast.reload, run: () => worker.postMessage("take-over") },
        });
      }
    };
    offer(kept.waiting);
    kept.addEventListener("updatefound", () => {
      const worker = kept.installing;
      worker?.addEventListener("statechange", () => worker.state === "installed" && offer(worker));
    });
    setInterval(() => void kept.update().catch(() => {}), 3_600_000);
  } catch (error) {
    console.warn("the web app is not kept for offline:", error);
  }
}
