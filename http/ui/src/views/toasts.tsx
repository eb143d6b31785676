// The notices and the text announced to screen readers.
import { dismiss, spoken, toasts } from "../base/toasts";
import { t } from "../texts";

export function Toasts() {
  return (
    <>
      <section class="toasts" aria-label={t.toast.label}>
        {toasts.value.map((one) => (
          <div class={`toast ${one.kind}`} key={one.id}>
            <span>{one.text}</span>
            {one.action && (
              <button
                class="link"
                onClick={() => {
                  dismiss(one.id);
                  one.action?.run();
                }}
              >
                {one.action.label}
              </button>
            )}
            <button
              class="icon-button"
              aria-label={t.toast.dismiss}
              onClick={() => dismiss(one.id)}
            >
              ✕
            </button>
          </div>
        ))}
      </section>
      <div class="visually-hidden" role="status" aria-live="polite">
        {spoken}
      </div>
    </>
  );
}
