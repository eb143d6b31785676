// The German words that quick add understands.
import { range, withEnglish } from "./vocabulary";
import type { Vocabulary } from "./vocabulary";

/** The short weekdays omit "so", which is a word in many titles. */
const own: Vocabulary = {
  on: "am|bis zum|bis|zum|ab|für",
  in: "in",
  a: "eine[rmn]?",
  at: "um",
  next: "(?:nächste|kommende|diese)[rnms]?",
  oclock: "uhr",
  priorities: {
    ...{ niedrig: "low", mittel: "medium", normal: "medium" },
    ...{ hoch: "high", wichtig: "high", dringend: "urgent" },
  },
  units: {
    ...{ minute: "minute", minuten: "minute", stunde: "hour", stunden: "hour" },
    ...{ tag: "day", tage: "day", tagen: "day", woche: "week", wochen: "week" },
    ...{ monat: "month", monate: "month", monaten: "month" },
  },
  days: {
    ...{ "heute abend": "tonight", "heute morgen": "0", "heute früh": "0", heute: "0" },
    ...{ "morgen früh": "1", morgen: "1", übermorgen: "2" },
    ...{ "nächste woche": "nextWeek", "kommende woche": "nextWeek" },
    ...{ "dieses wochenende": "weekend", wochenende: "weekend" },
    ...{ "nächsten monat": "nextMonth", "kommenden monat": "nextMonth" },
  },
  weekdays: {
    ...range("sonntag montag dienstag mittwoch donnerstag freitag samstag"),
    sonnabend: 6,
  },
  shortWeekdays: range("mo di mi do fr sa", 1),
  months: {
    ...range("januar februar märz april mai juni juli august september oktober november"),
    ...{ dezember: 11, jänner: 0, feber: 1, mär: 2, mrz: 2, okt: 9, dez: 11 },
  },
  times: { mittags: 720, mittag: 720, mitternacht: 0 },
};

export const german = withEnglish(own);
