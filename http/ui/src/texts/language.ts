// The language of the texts: the choice stored in this browser, else the first of the browser's
// languages that has texts, else English.

export type Language = "en" | "de";

/** The name of each language in that language. */
export const LANGUAGES: Record<Language, string> = { en: "English", de: "Deutsch" };

/** The storage key of the choice, which applies to this browser and all accounts. */
const STORED_AS = "taskwell.language";

const isLanguage = (tag: string): tag is Language => Object.hasOwn(LANGUAGES, tag);
const primary = (tag: string) => tag.toLowerCase().split("-")[0] ?? "";

/** Returns the reader's choice, if any. */
export function chosenLanguage(): Language | null {
  try {
    const chosen = localStorage.getItem(STORED_AS) ?? "";
    return isLanguage(chosen) ? chosen : null;
  } catch {
    return null;
  }
}

/** Stores the choice; `null` follows the browser again. It takes effect after a reload. */
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

/** The locale for dates and numbers: the reader's regional variant of the language. */
export const locale = navigator.languages.find((tag) => primary(tag) === language) ?? language;

const numbers = new Intl.NumberFormat(locale);

/** Formats a number for the reader. */
export const numberWords = (n: number) => numbers.format(n);
