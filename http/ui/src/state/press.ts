// Pointer presses: nothing moves under the pointer until it is released.
import { signal } from "@preact/signals";

/** Whether a pointer is down, until the click that follows. */
export const isPressed = signal(false);

/** The click follows the release within this time. */
const CLICK_MS = 400;
/** Some presses end without an event: in a browser menu or on a scroll bar. */
const PRESS_MAX_MS = 2_000;

let timer: ReturnType<typeof setTimeout> | undefined;
let deferred: (() => void)[] = [];

function release() {
  clearTimeout(timer);
  isPressed.value = false;
  const works = deferred;
  deferred = [];
  works.forEach((work) => work());
}

function releaseIn(ms: number) {
  clearTimeout(timer);
  timer = setTimeout(release, ms);
}

/** Runs work that may move the layout: at once, or after the click. */
export function afterPress(work: () => void) {
  if (isPressed.peek()) {
    deferred.push(work);
  } else {
    work();
  }
}

export function followPresses() {
  const ends = { capture: true, passive: true };
  addEventListener(
    "pointerdown",
    (event) => {
      if (!(event.target as Element).closest("select")) {
        isPressed.value = true;
        releaseIn(PRESS_MAX_MS);
      }
    },
    ends,
  );
  addEventListener("pointerup", () => isPressed.peek() && releaseIn(CLICK_MS), ends);
  addEventListener("pointermove", (event) => {
    if (isPressed.peek() && event.pointerType === "mouse" && event.buttons === 0) {
      release();
    }
  });
  for (const end of ["pointercancel", "dragend", "blur", "keydown"]) {
    addEventListener(end, release);
  }
  // Release after the click's handlers; some of them stop the click, so capture it. Checkboxes and
  // radio buttons change only after the click, and a render before that would revert the choice.
  addEventListener("click", () => isPressed.peek() && releaseIn(0), ends);
  addEventListener("click", (event) => {
    if (!(event.target as Element).closest("input, label")) {
      release();
    }
  });
}
