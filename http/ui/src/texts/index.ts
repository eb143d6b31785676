// The texts in the reader's language. English is built in; any other language is a separate file,
// fetched before anything is shown.
import { en } from "./en";
import type { Texts } from "./en";
import { language } from "./language";

async function texts(): Promise<Texts> {
  if (language === "en") {
    return en;
  }
  try {
    return (await import("./de")).de;
  } catch (error) {
    console.warn("the texts of this language could not be read:", error);
    return en;
  }
}

export const t = await texts();
