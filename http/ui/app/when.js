// Days and times in the reader's zone. A due date at midnight UTC is a day without a time, as a front end that sends
// "2026-11-21" means it; any other is a moment.
import { signal } from "./lib.js";
import { t } from "./texts.js";

const DAY_MS = 86_400_000;

/** The present, told anew each half minute and when the page is looked at again. */
export const now = signal(new Date());
const zoneName = () => new Intl.DateTimeFormat().resolvedOptions().timeZone;
/** Where the reader is. */
export const zone = signal(zoneName());
const tick = () => {
  const before = now.peek();
  const present = new Date();
  if (zone.peek() !== zoneName()) {
    formats = makeFormats();
    zone.value = zoneName();
    now.value = present;
  } else if (Math.floor(before.getTime() / 60_000) !== Math.floor(present.getTime() / 60_000) || before > present) {
    now.value = present;
  }
};
setInterval(tick, 5_000);
document.addEventListener("visibilitychange", tick);

/** Days since 1970 of a calendar day.
 * @param {number} year @param {number} month @param {number} day */
const dayNumber = (year, month, day) => Math.floor(Date.UTC(year, month, day) / DAY_MS);

/** The number of the day that it is for the reader.
 * @param {Date} date */
export const localDay = (date) => dayNumber(date.getFullYear(), date.getMonth(), date.getDate());

/** Whether a due date names a day, without a time.
 * @param {string} iso */
export const isAllDay = (iso) => /T00:00:00(\.0+)?Z$/.test(iso);

/** The day on which something is due, for the reader.
 * @param {string} iso */
export function dueDay(iso) {
  return isAllDay(iso) ? Math.floor(Date.parse(iso) / DAY_MS) : localDay(new Date(iso));
}

/** @param {string} iso @param {Date} present */
export function isOverdue(iso, present) {
  return isAllDay(iso) ? dueDay(iso) < localDay(present) : Date.parse(iso) < present.getTime();
}

/** A moment as the server writes it: what is sent is then no other than what comes back. @param {Date} date */
const isoOf = (date) => date.toISOString().replace(".000Z", "Z").replace(/(\.\d+)Z/, "$1000Z");

/** The due date of a day.
 * @param {number} day days since 1970 */
export const isoOfDay = (day) => isoOf(new Date(day * DAY_MS));

/** The due date of a moment. One that falls on midnight UTC is stored a millisecond later, or it would be a day.
 * @param {Date} date */
export function isoOfMoment(date) {
  const iso = isoOf(date);
  return isAllDay(iso) ? isoOf(new Date(date.getTime() + 1)) : iso;
}

/** @param {number} day @param {number} hours @param {number} minutes */
export function momentOf(day, hours, minutes) {
  const utc = new Date(day * DAY_MS);
  return new Date(utc.getUTCFullYear(), utc.getUTCMonth(), utc.getUTCDate(), hours, minutes);
}

/** The day of the week, 0 is Sunday.
 * @param {number} day */
export const weekday = (day) => (((day + 4) % 7) + 7) % 7;

/** A day of the calendar, or null where there is none such.
 * @param {number} year @param {number} month from 0 @param {number} day */
export function dayOf(year, month, day) {
  const number = dayNumber(year, month, day);
  const back = new Date(number * DAY_MS);
  return back.getUTCMonth() === month && back.getUTCDate() === day ? number : null;
}

/** The same day some months later, or that month's last.
 * @param {number} day @param {number} months */
export function addMonths(day, months) {
  const from = new Date(day * DAY_MS);
  const first = new Date(Date.UTC(from.getUTCFullYear(), from.getUTCMonth() + months, 1));
  const last = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1, 0)).getUTCDate();
  return dayNumber(first.getUTCFullYear(), first.getUTCMonth(), Math.min(from.getUTCDate(), last));
}

/** @param {Intl.DateTimeFormatOptions} options */
const format = (options) => new Intl.DateTimeFormat(undefined, options);
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

/** A day in words: "Tomorrow", "Friday", "Mon, 4 Jan".
 * @param {number} day @param {Date} present */
export function dayWords(day, present) {
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

/** A due date in words, with its time where it has one.
 * @param {string} iso @param {Date} present */
export function dueWords(iso, present) {
  const day = dayWords(dueDay(iso), present);
  return isAllDay(iso) ? day : `${day} ${formats.time.format(new Date(iso))}`;
}

/** A moment of the past, exactly. @param {string} iso */
export const momentWords = (iso) => formats.moment.format(new Date(iso));

/** The day of a moment. @param {string} iso */
export const dateWords = (iso) => formats.date.format(new Date(iso));

/** For screen readers and titles. @param {string} iso */
export const fullWords = (iso) => {
  const day = formats.full.format(new Date(dueDay(iso) * DAY_MS));
  return isAllDay(iso) ? day : `${day}, ${formats.time.format(new Date(iso))}`;
};

const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });

/** How long ago, roughly. @param {string} iso @param {Date} present */
export function agoWords(iso, present) {
  const minutes = Math.round((present.getTime() - Date.parse(iso)) / 60_000);
  if (minutes < 1) {
    return t.due.justNow;
  }
  if (minutes < 60) {
    return relative.format(-minutes, "minute");
  }
  return minutes < 1440 ? relative.format(-Math.round(minutes / 60), "hour") : relative.format(-Math.round(minutes / 1440), "day");
}

/** @typedef {"overdue" | "today" | "tomorrow" | "week" | "later" | "none"} Group */

/** Which group of the list something is in.
 * @param {string | null} iso @param {Date} present
 * @returns {Group} */
export function groupOf(iso, present) {
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

/** What the fields of a form hold: `2026-11-21` and `09:00`.
 * @param {string | null} iso */
export function formFields(iso) {
  if (iso === null) {
    return { date: "", time: "" };
  }
  const date = isoOfDay(dueDay(iso)).slice(0, 10);
  const at = new Date(iso);
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  return { date, time: isAllDay(iso) ? "" : `${two(at.getHours())}:${two(at.getMinutes())}` };
}

/** @param {string} date @param {string} time
 * @returns {string | null} */
export function ofFormFields(date, time) {
  const [year = 0, month = 1, day = 1] = date.split("-").map(Number);
  const number = date === "" ? localDay(now.peek()) : dayOf(year, month - 1, day);
  if (number === null || (date === "" && time === "")) {
    return null;
  }
  const [hours = 0, minutes = 0] = time.split(":").map(Number);
  return time === "" ? isoOfDay(number) : isoOfMoment(momentOf(number, hours, minutes));
}
