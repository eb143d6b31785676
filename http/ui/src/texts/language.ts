// Which language the reader gets: the choice of this browser, else the first of the browser's
// languages that has texts here, else English.

export type Language = "en" | "de";

/** Each language by its own name. */
export const LANGUAGES: Record<Language, string> = { en: "English", de: "Deutsch" };

/** Where a choice is kept: one for each browser, for all accounts. */
const STORED_AS = "taskwell.language";

const isLanguage = (tag: string): tag is Language => Object.hasOwn(LANGUAGES, tag);
const primary = (tag: string) => tag.toLowerCase().split("-")[0] ?? "";

/** The reader's own choice, if any. */
export function chosenLanguage(): Language | null {
  try {
    const chosen = localStorage.getItem(STORED_AS) ?? "";
    return isLanguage(chosen) ? chosen : null;
  } catch {
    return null;
  }
}

/** Keeps the choice; `null` follows the browser again. The web app shows it after a reload. */
export function chooseLanguage(chosen: Language | null) {
  try {
    if (chosen) {
      localStorage.setItem(STORED_AS, chosen);
    } else {
      localStorage.removeItem(STORED_AS);
    }
  } catch (error) {
    console.warn("this browser does not keep the language:", error);
  }
}

export const language: Language =
  chosenLanguage() ?? navigator.languages.map(primary).find(isLanguage) ?? "en";

/** For dates and numbers: the reader's regional form of the language of the texts. */
export const locale = navigator.languages.find((tag) => primary(tag) === language) ?? language;

const numbers = new Intl.NumberFormat(locale);

/** A number as the reader writes it. */
export const numberWords = (n: number) => numbers.format(n);
