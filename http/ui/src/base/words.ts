// Quick add: finds a due date and a priority in a line. The functions are pure, so that the preview
// equals what is stored. The vocabulary is in `texts/vocabulary.ts`.
import type { Priority } from "./types";
import { t } from "../texts";
import {
  addMonths,
  dayOf,
  isoOfDay,
  isoOfMoment,
  localDay,
  momentOf,
  nextWeek,
  nextWeekday,
} from "./when";

export type Span = {
  kind: "day" | "time" | "priority" | "moment";
  from: number;
  to: number;
  text: string;
  day?: number;
  isEvening?: boolean;
  minutes?: number;
  at?: Date;
  priority?: Priority;
};
export type Understood = {
  title: string;
  due_date: string | null;
  priority: Priority | null;
  spans: Span[];
};

const v = t.vocabulary;
const at = `(?:${v.at})`;
const next = `(?:${v.next})`;
const oclock = `(?:${v.oclock})`;
const alternatives = (words: string[]) => words.join("|");
const months = alternatives(Object.keys(v.months));
const days = alternatives(Object.keys(v.weekdays));
const shortDays = alternatives(Object.keys(v.shortWeekdays));
const before = `(?<=^|\\s)`;
const after = `(?=$|\\s|[,.;!?]+(?:\\s|$))`;
const on = `(?:(?:${v.on}) )?`;
const pattern = (inner: string) => new RegExp(`${before}${inner}${after}`, "giu");

export type Reading = (found: RegExpMatchArray, present: Date) => Partial<Span> | null;
const readings: [RegExp, Reading][] = [
  [
    pattern(`!(${alternatives(Object.keys(v.priorities))}|[1-4])`),
    (found) => {
      const word = (found[1] ?? "").toLowerCase();
      const priority = v.priorities[word] ?? ["urgent", "high", "medium", "low"][Number(word) - 1];
      return { kind: "priority", priority: priority as Priority };
    },
  ],
  [
    pattern(`(!!!?)`),
    (found) => ({ kind: "priority", priority: found[1] === "!!" ? "high" : "urgent" }),
  ],
  [
    pattern(`(?:${v.in}) (\\d{1,3}|${v.a}) (${alternatives(Object.keys(v.units))})`),
    (found, present) => {
      const count = /^\d/.test(found[1] ?? "") ? Number(found[1]) : 1;
      const unit = v.units[(found[2] ?? "").toLowerCase()];
      const today = localDay(present);
      switch (unit) {
        case "minute":
          return { kind: "moment", at: new Date(present.getTime() + count * 60_000) };
        case "hour":
          return { kind: "moment", at: new Date(present.getTime() + count * 3_600_000) };
        case "day":
          return { kind: "day", day: today + count };
        case "week":
          return { kind: "day", day: today + 7 * count };
        default:
          return { kind: "day", day: addMonths(today, count) };
      }
    },
  ],
  [
    pattern(`${on}(${alternatives(Object.keys(v.days))})`),
    (found, present) => {
      const word = v.days[(found[1] ?? "").toLowerCase()];
      const today = localDay(present);
      switch (word) {
        case "nextWeek":
          return { kind: "day", day: nextWeek(today) };
        case "weekend":
          return { kind: "day", day: nextWeekday(today - 1, 6) };
        case "nextMonth": {
          const first = addMonths(today, 1);
          return { kind: "day", day: first - new Date(first * 86_400_000).getUTCDate() + 1 };
        }
        case "tonight":
          return { kind: "day", day: today, isEvening: true };
        default:
          return { kind: "day", day: today + Number(word) };
      }
    },
  ],
  [pattern(`${on}(?:${next} )?(${days})`), onWeekday],
  [pattern(`(?:${v.on}|${v.next}) (${shortDays})`), onWeekday],
  [pattern(`(${shortDays})(?=\\s+(?:${at} )?\\d|\\s*$)`), onWeekday],
  [
    pattern(`${on}(\\d{4})-(\\d{2})-(\\d{2})`),
    (found) => onDay(Number(found[1]), Number(found[2]) - 1, Number(found[3])),
  ],
  [
    pattern(`${on}(\\d{1,2})(?:st|nd|rd|th|\\.)? (${months})\\.?(?: (\\d{4}))?`),
    (found, present) =>
      onDayOfYear(
        found[3],
        v.months[(found[2] ?? "").toLowerCase()] ?? 0,
        Number(found[1]),
        present,
      ),
  ],
  [
    pattern(`${on}(${months})\\.? (\\d{1,2})(?:st|nd|rd|th)?(?:,? (\\d{4}))?`),
    (found, present) =>
      onDayOfYear(
        found[3],
        v.months[(found[1] ?? "").toLowerCase()] ?? 0,
        Number(found[2]),
        present,
      ),
  ],
  [
    pattern(`${on}(\\d{1,2})\\.(\\d{1,2})\\.(\\d{4})?`),
    (found, present) => onDayOfYear(found[3], Number(found[2]) - 1, Number(found[1]), present),
  ],
  [
    pattern(`(?:${at} )?(\\d{1,2}):(\\d{2})(?: ${oclock}| ?([ap]m))?`),
    (found) => atTime(Number(found[1]), Number(found[2]), found[3]),
  ],
  [pattern(`(?:${at} )?(\\d{1,2}) ?([ap]m)`), (found) => atTime(Number(found[1]), 0, found[2])],
  [pattern(`(?:${at} )?(\\d{1,2}) ${oclock}`), (found) => atTime(Number(found[1]), 0, undefined)],
  [pattern(`${at} (\\d{1,2})`), (found) => atTime(Number(found[1]), 0, undefined)],
  [
    pattern(`(?:${at} )?(${alternatives(Object.keys(v.times))})`),
    (found) => ({ kind: "time", minutes: v.times[(found[1] ?? "").toLowerCase()] ?? 0 }),
  ],
];

function onWeekday(found: RegExpMatchArray, present: Date): Partial<Span> {
  const word = (found[1] ?? "").toLowerCase();
  return {
    kind: "day",
    day: nextWeekday(localDay(present), v.weekdays[word] ?? v.shortWeekdays[word] ?? 0),
  };
}

function onDay(year: number, month: number, day: number): Partial<Span> | null {
  const number = dayOf(year, month, day);
  return number === null ? null : { kind: "day", day: number };
}

/** Without a year, returns the next such day. */
function onDayOfYear(year: string | undefined, month: number, day: number, present: Date) {
  if (year !== undefined) {
    return onDay(Number(year), month, day);
  }
  // The next 29 February may be eight years away.
  const years = Array.from({ length: 9 }, (_, i) => onDay(present.getFullYear() + i, month, day));
  return years.find((found) => (found?.day ?? -Infinity) >= localDay(present)) ?? null;
}

function atTime(hours: number, minutes: number, half: string | undefined): Partial<Span> | null {
  if (half !== undefined) {
    if (hours < 1 || hours > 12) {
      return null;
    }
    hours = (hours % 12) + (half.toLowerCase() === "pm" ? 12 : 0);
  }
  return hours > 23 || minutes > 59 ? null : { kind: "time", minutes: hours * 60 + minutes };
}

/** Parses a line. `plain`: words to keep as text. */
export function understand(line: string, present: Date, plain: string[] = []): Understood {
  const found: Span[] = [];
  for (const [expression, reading] of readings) {
    for (const match of line.matchAll(expression)) {
      const text = match[0];
      const span = plain.includes(text.toLowerCase()) ? null : reading(match, present);
      const [from, to] = [match.index, match.index + text.length];
      if (span && !found.some((other) => from < other.to && other.from < to)) {
        found.push({ ...span, from, to, text } as Span);
      }
    }
  }
  /** The last match of a kind counts. */
  const last = (...kinds: string[]) =>
    found.filter((span) => kinds.includes(span.kind)).sort((a, b) => b.from - a.from)[0];
  const [priority, moment, day, time] = [
    last("priority"),
    last("moment"),
    last("day"),
    last("time"),
  ];
  // "Tonight at 8" means 20:00.
  const minutes =
    day?.isEvening && time?.minutes !== undefined && time.minutes < 720
      ? time.minutes + 720
      : time?.minutes;
  const spans = [moment ?? day, moment ? undefined : time, priority].filter(
    (span) => span !== undefined,
  );
  let title = line;
  for (const span of [...spans].sort((a, b) => b.from - a.from)) {
    const [ahead, rest] = [title.slice(0, span.from).trimEnd(), title.slice(span.to)];
    title =
      ahead === ""
        ? rest.replace(/^[,.;!?]+/, "")
        : ahead + (/^[,.;!?]/.test(rest) ? "" : " ") + rest;
  }
  return {
    title: title.replace(/\s+/g, " ").trim(),
    due_date: moment?.at ? isoOfMoment(moment.at) : dueOf(day?.day, minutes, present),
    priority: priority?.priority ?? null,
    spans: spans.sort((a, b) => a.from - b.from),
  };
}

function dueOf(day: number | undefined, minutes: number | undefined, present: Date) {
  if (minutes === undefined) {
    return day === undefined ? null : isoOfDay(day);
  }
  const on = (number: number) => momentOf(number, Math.floor(minutes / 60), minutes % 60);
  if (day !== undefined) {
    return isoOfMoment(on(day));
  }
  // A time without a day means its next occurrence.
  const today = localDay(present);
  return isoOfMoment(on(on(today) > present ? today : today + 1));
}
