// The words that quick add understands. English ones are understood in every language.

export interface Vocabulary {
  /** Alternatives in a regular expression. */
  on: string;
  in: string;
  a: string;
  at: string;
  next: string;
  oclock: string;
  priorities: Record<string, "low" | "medium" | "high" | "urgent">;
  units: Record<string, "minute" | "hour" | "day" | "week" | "month">;
  /**
   * Days from today, or a name that the parser knows. If one contains another, the longer is first.
   */
  days: Record<string, string>;
  /** 0 is Sunday. */
  weekdays: Record<string, number>;
  shortWeekdays: Record<string, number>;
  /** 0 is January. */
  months: Record<string, number>;
  /** Minutes since midnight. */
  times: Record<string, number>;
}

/** Numbers a list of words. */
export const range = (words: string, first = 0) =>
  Object.fromEntries(words.split(" ").map((word, index) => [word, first + index]));

export const english: Vocabulary = {
  on: "on|by|due|until",
  in: "in",
  a: "an?",
  at: "at",
  next: "next|this",
  oclock: "o['’]clock",
  priorities: {
    ...{ low: "low", medium: "medium", med: "medium", normal: "medium" },
    ...{ high: "high", urgent: "urgent" },
  },
  units: {
    ...{ minute: "minute", minutes: "minute", min: "minute", mins: "minute" },
    ...{ hour: "hour", hours: "hour", hr: "hour", hrs: "hour" },
    ...{ day: "day", days: "day", week: "week", weeks: "week", month: "month", months: "month" },
  },
  days: {
    "day after tomorrow": "2",
    ...{ today: "0", tonight: "tonight", tomorrow: "1", tmrw: "1", tmr: "1" },
    ...{ "next week": "nextWeek", "this weekend": "weekend", weekend: "weekend" },
    "next month": "nextMonth",
  },
  weekdays: range("sunday monday tuesday wednesday thursday friday saturday"),
  shortWeekdays: {
    ...range("sun mon tue wed thu fri sat"),
    ...{ tues: 2, thur: 4, thurs: 4 },
  },
  months: {
    ...range("january february march april may june july august september october november"),
    ...{ december: 11, sept: 8 },
    ...range("jan feb mar apr"),
    ...range("jun jul aug sep oct nov dec", 5),
  },
  times: { noon: 720, midnight: 0 },
};

/** Adds the English words after those of another language. */
export function withEnglish(own: Vocabulary): Vocabulary {
  return {
    on: `${own.on}|${english.on}`,
    in: `${own.in}|${english.in}`,
    a: `${own.a}|${english.a}`,
    at: `${own.at}|${english.at}`,
    next: `${own.next}|${english.next}`,
    oclock: `${own.oclock}|${english.oclock}`,
    priorities: { ...own.priorities, ...english.priorities },
    units: { ...own.units, ...english.units },
    days: { ...own.days, ...english.days },
    weekdays: { ...own.weekdays, ...english.weekdays },
    shortWeekdays: { ...own.shortWeekdays, ...english.shortWeekdays },
    months: { ...own.months, ...english.months },
    times: { ...own.times, ...english.times },
  };
}
