// Dates and times in the reader's time zone. A due date at midnight UTC is a day without a time,
// because front ends send days as "2026-11-21"; any other is a point in time.
import { signal } from "@preact/signals";
import { t } from "../texts";
import { locale } from "../texts/language";

const DAY_MS = 86_400_000;

/** The current time, updated every half minute and when the web app becomes visible. */
export const now = signal(new Date());
const zoneName = () => new Intl.DateTimeFormat().resolvedOptions().timeZone;
/** The reader's time zone. */
export const zone = signal(zoneName());
const tick = () => {
  const before = now.peek();
  const present = new Date();
  if (zone.peek() !== zoneName()) {
    formats = makeFormats();
    zone.value = zoneName();
    now.value = present;
  } else if (
    Math.floor(before.getTime() / 60_000) !== Math.floor(present.getTime() / 60_000) ||
    before > present
  ) {
    now.value = present;
  }
};
setInterval(tick, 5_000);
document.addEventListener("visibilitychange", tick);

/** Returns the days since 1970 of a calendar date. */
const dayNumber = (year: number, month: number, day: number) =>
  Math.floor(Date.UTC(year, month, day) / DAY_MS);

/** Returns the local day of a point in time, in days since 1970. */
export const localDay = (date: Date) =>
  dayNumber(date.getFullYear(), date.getMonth(), date.getDate());

/** Returns whether a due date is a day without a time. */
export const isAllDay = (iso: string) => /T00:00:00(\.0+)?Z$/.test(iso);

/** Returns the local day on which something is due. */
export function dueDay(iso: string) {
  return isAllDay(iso) ? Math.floor(Date.parse(iso) / DAY_MS) : localDay(new Date(iso));
}

export function isOverdue(iso: string, present: Date) {
  return isAllDay(iso) ? dueDay(iso) < localDay(present) : Date.parse(iso) < present.getTime();
}

/** Returns a time in the server's format, so that sent and received values are equal. */
const isoOf = (date: Date) =>
  date
    .toISOString()
    .replace(".000Z", "Z")
    .replace(/(\.\d+)Z/, "$1000Z");

/** Returns the due date of a day. `day`: days since 1970. */
export const isoOfDay = (day: number) => isoOf(new Date(day * DAY_MS));

/**
 * Returns the due date of a point in time. Midnight UTC becomes a millisecond later, because it
 * would otherwise mean a day.
 */
export function isoOfMoment(date: Date) {
  const iso = isoOf(date);
  return isAllDay(iso) ? isoOf(new Date(date.getTime() + 1)) : iso;
}

export function momentOf(day: number, hours: number, minutes: number) {
  const utc = new Date(day * DAY_MS);
  return new Date(utc.getUTCFullYear(), utc.getUTCMonth(), utc.getUTCDate(), hours, minutes);
}

/** Returns the day of the week; 0 is Sunday. */
export const weekday = (day: number) => (((day + 4) % 7) + 7) % 7;

/** Returns the first given weekday after a day. */
export const nextWeekday = (day: number, wanted: number) =>
  day + 1 + ((wanted - weekday(day + 1) + 7) % 7);

/** Returns the next Monday, which is what "next week" means everywhere. */
export const nextWeek = (today: number) => nextWeekday(today, 1);

/** Returns a calendar day, or null if it does not exist. `month`: from 0. */
export function dayOf(year: number, month: number, day: number) {
  const number = dayNumber(year, month, day);
  const back = new Date(number * DAY_MS);
  return back.getUTCMonth() === month && back.getUTCDate() === day ? number : null;
}

/** Returns the same day some months later, or the last day of that month. */
export function addMonths(day: number, months: number) {
  const from = new Date(day * DAY_MS);
  const first = new Date(Date.UTC(from.getUTCFullYear(), from.getUTCMonth() + months, 1));
  const last = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1, 0)).getUTCDate();
  return dayNumber(first.getUTCFullYear(), first.getUTCMonth(), Math.min(from.getUTCDate(), last));
}

const format = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(locale, options);
const makeFormats = () => ({
  weekday: format({ weekday: "long", timeZone: "UTC" }),
  day: format({ weekday: "short", day: "numeric", month: "short", timeZone: "UTC" }),
  year: format({ day: "numeric", month: "short", year: "numeric", timeZone: "UTC" }),
  time: format({ hour: "numeric", minute: "2-digit" }),
  moment: format({ dateStyle: "medium", timeStyle: "short" }),
  date: format({ dateStyle: "medium" }),
  full: format({ dateStyle: "full", timeZone: "UTC" }),
});
let formats = makeFormats();

/** Returns a day in words: "Tomorrow", "Friday", "Mon, 4 Jan". */
export function dayWords(day: number, present: Date) {
  const away = day - localDay(present);
  const date = new Date(day * DAY_MS);
  if (away >= -1 && away <= 1) {
    return [t.due.yesterday, t.due.today, t.due.tomorrow][away + 1] ?? "";
  }
  if (away > 1 && away < 7) {
    return formats.weekday.format(date);
  }
  return date.getUTCFullYear() === present.getFullYear() || Math.abs(away) < 90
    ? formats.day.format(date)
    : formats.year.format(date);
}

/** Returns a due date in words, with its time if it has one. */
export function dueWords(iso: string, present: Date) {
  const day = dayWords(dueDay(iso), present);
  return isAllDay(iso) ? day : `${day} ${formats.time.format(new Date(iso))}`;
}

/** Returns a past time in words: day and time. */
export function pastWords(iso: string, present: Date) {
  const at = new Date(iso);
  return `${dayWords(localDay(at), present)} ${formats.time.format(at)}`;
}

/** Returns a past time in full. */
export const momentWords = (iso: string) => formats.moment.format(new Date(iso));

/** Returns the date of a point in time. */
export const dateWords = (iso: string) => formats.date.format(new Date(iso));

/** Returns the full date for screen readers and titles. */
export const fullWords = (iso: string) => {
  const day = formats.full.format(new Date(dueDay(iso) * DAY_MS));
  return isAllDay(iso) ? day : `${day}, ${formats.time.format(new Date(iso))}`;
};

const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });

/** Returns roughly how long ago something happened. */
export function agoWords(iso: string, present: Date) {
  const minutes = Math.round((present.getTime() - Date.parse(iso)) / 60_000);
  if (minutes < 1) {
    return t.due.justNow;
  }
  if (minutes < 60) {
    return relative.format(-minutes, "minute");
  }
  return minutes < 1440
    ? relative.format(-Math.round(minutes / 60), "hour")
    : relative.format(-Math.round(minutes / 1440), "day");
}

export type Group = "overdue" | "today" | "tomorrow" | "week" | "later" | "none";

/** Returns the list group of a due date. */
export function groupOf(iso: string | null, present: Date): Group {
  if (iso === null) {
    return "none";
  }
  if (isOverdue(iso, present)) {
    return "overdue";
  }
  const away = dueDay(iso) - localDay(present);
  if (away <= 0) {
    return "today";
  }
  return away === 1 ? "tomorrow" : away < 7 ? "week" : "later";
}

/** Returns the values of date and time inputs: `2026-11-21` and `09:00`. */
export function formFields(iso: string | null) {
  if (iso === null) {
    return { date: "", time: "" };
  }
  const date = isoOfDay(dueDay(iso)).slice(0, 10);
  const at = new Date(iso);
  const two = (n: number) => String(n).padStart(2, "0");
  return { date, time: isAllDay(iso) ? "" : `${two(at.getHours())}:${two(at.getMinutes())}` };
}

export function ofFormFields(date: string, time: string): string | null {
  const [year = 0, month = 1, day = 1] = date.split("-").map(Number);
  const number = date === "" ? localDay(now.peek()) : dayOf(year, month - 1, day);
  if (number === null || (date === "" && time === "")) {
    return null;
  }
  const [hours = 0, minutes = 0] = time.split(":").map(Number);
  return time === "" ? isoOfDay(number) : isoOfMoment(momentOf(number, hours, minutes));
}
