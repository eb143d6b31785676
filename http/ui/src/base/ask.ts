// Confirmation of actions that cannot be undone.
import type { Signal } from "@preact/signals";
import { signal } from "@preact/signals";

export type Question = {
  title: string;
  /** What "yes" does, and to what. */
  text: string;
  /** The label of the confirming button. */
  yes: string;
  answer: (isYes: boolean) => void;
};

/** The current question, if any. */
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
