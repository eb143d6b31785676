// A question that must be answered before something is done that nothing undoes.
import type { Signal } from "@preact/signals";
import { signal } from "@preact/signals";

export type Question = {
  title: string;
  /** What happens on yes; it names what it happens to. */
  text: string;
  /** The button that does it. */
  yes: string;
  answer: (isYes: boolean) => void;
};

/** The question that is shown, if any. */
export const asking: Signal<Question | null> = signal(null);

/** Asks in a dialog. Escape and Cancel mean no. */
export function ask(question: Omit<Question, "answer">): Promise<boolean> {
  asking.peek()?.answer(false);
  return new Promise((done) => {
    const answer = (isYes: boolean) => {
      asking.value = null;
      done(isYes);
    };
    asking.value = { ...question, answer };
  });
}
