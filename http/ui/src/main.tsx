// Puts the web app together and starts it.
import { effect, untracked } from "@preact/signals";
import { render } from "preact";
import { toast } from "./base/toasts";
import { startWorker } from "./offline";
import { followSession } from "./state/account";
import { followPresses } from "./state/press";
import { isForgetful } from "./sync/idb";
import { t } from "./texts";
import { language } from "./texts/language";
import { listenToKeys } from "./views/keys";
import { focusAdd } from "./views/quickadd";
import { Shell } from "./views/shell";

document.documentElement.lang = language;
effect(() => {
  if (isForgetful.value) {
    untracked(() => toast(t.toast.quota, { kind: "error" }));
  }
});
followPresses();
followSession();
listenToKeys();
render(<Shell />, document.getElementById("app") as HTMLElement);
if (new URLSearchParams(location.search).has("add")) {
  setTimeout(focusAdd, 100);
}
// Register the worker after loading, so that it does not compete with the first requests.
if (document.readyState === "complete") {
  void startWorker();
} else {
  addEventListener("load", () => void startWorker());
}
