//! Timestamps: the formats that the contracts accept and the format that Taskwell prints. `clock`
//! provides the current time.

use std::fmt;
use std::str::FromStr as _;

use crate::error::{Code, Result, Violation};

/// A point in time, in microseconds since 1970-01-01T00:00:00Z. Prints as RFC 3339 in UTC with `Z`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(i64);

const YEAR_1_US: i64 = -62_135_596_800_000_000;
const YEAR_10000_US: i64 = 253_402_300_800_000_000;
/// Maximum length of a timestamp. Nine digits of a second and an offset fit easily.
const CHARS_MAX: usize = 40;

impl Timestamp {
    pub const fn from_micros(us: i64) -> Timestamp {
        Timestamp(us)
    }

    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Returns whole seconds since 1970, as in JWT claims (RFC 7519, section 2).
    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Timestamp {
        Timestamp(self.0.saturating_add(seconds.saturating_mul(1_000_000)))
    }

    /// Parses ISO 8601 / RFC 3339 with `Z`, an offset, no zone (read as UTC), or a date alone
    /// (midnight UTC), in the years 1 to 9999. Truncates to microseconds.
    pub fn parse(text: &str) -> Result<Timestamp, Violation> {
        let flaw = || {
            Violation::new(
                Code::Format,
                "must be an ISO 8601 date or time, such as 2026-12-31T10:00:00Z",
            )
        };
        let shaped = text.len() <= CHARS_MAX
            && text.len() >= 10
            && text.as_bytes()[..4].iter().all(u8::is_ascii_digit)
            && text.as_bytes()[4] == b'-'
            && !text.contains('[')
            && is_clock(text);
        if !shaped {
            return Err(flaw());
        }
        let us = match jiff::Timestamp::from_str(text) {
            Ok(zoned) => zoned.as_microsecond(),
            // There is no zone, or this is the last day of 9999, which the zoned parser rejects.
            Err(_) => utc_us(text).ok_or_else(flaw)?,
        };
        if !(YEAR_1_US..YEAR_10000_US).contains(&us) {
            return Err(Violation::new(Code::Range, "must be within the years 1 to 9999 in UTC"));
        }
        Ok(Timestamp(us))
    }

    /// Returns year, month and day in UTC, by Howard Hinnant's civil-from-days ("chrono-Compatible
    /// Low-Level Date Algorithms"). Implemented here for speed, because every task prints up to
    /// four times on the hot path.
    fn date(self) -> (i64, i64, i64) {
        let days = self.0.div_euclid(86_400_000_000) + 719_468;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        (year_of_era + era * 400 + i64::from(month <= 2), month, day)
    }

    /// Returns the printed form without allocating: `2026-12-31T10:00:00Z`, with six digits of a
    /// second unless they are zero.
    pub fn print(self) -> Printed {
        let mut out = Printed { bytes: *b"0000-00-00T00:00:00.000000Z", len: 27 };
        let (year, month, day) = self.date();
        let us = self.0.rem_euclid(86_400_000_000);
        let seconds = us / 1_000_000;
        let parts = [
            (0, 4, year),
            (5, 2, month),
            (8, 2, day),
            (11, 2, seconds / 3600),
            (14, 2, seconds / 60 % 60),
            (17, 2, seconds % 60),
            (20, 6, us % 1_000_000),
        ];
        for (at, width, mut value) in parts {
            for slot in out.bytes[at..at + width].iter_mut().rev() {
                *slot = b'0' + u8::try_from(value % 10).unwrap_or(0);
                value /= 10;
            }
        }
        if us % 1_000_000 == 0 {
            out.bytes[19] = b'Z';
            out.len = 20;
        }
        out
    }
}

/// Checks the ranges that the parser does not enforce. An offset is less than 24 hours (RFC 3339,
/// section 5.6). Second 60 is only valid at the end of 30 June or 31 December in UTC, the only days
/// that ever had a leap second.
fn is_clock(text: &str) -> bool {
    let time = text.get(11..).unwrap_or("");
    let (clock, offset) = time.split_at(time.find(['+', '-', 'Z', 'z']).unwrap_or(time.len()));
    if offset.get(1..3).is_some_and(|hours| hours > "23") {
        return false;
    }
    let whole = clock.split(['.', ',']).next().unwrap_or("");
    let digits = whole.bytes().filter(u8::is_ascii_digit);
    let is_leap = digits.clone().skip(4).take(2).eq(*b"60");
    let is_last = digits.take(6).eq(*b"235960") && matches!(offset, "" | "Z" | "z");
    !is_leap || is_last && matches!(text.get(5..10), Some("06-30" | "12-31"))
}

/// Parses a date, or a date and time, in UTC: with `Z` or without a zone, but not with an offset.
fn utc_us(text: &str) -> Option<i64> {
    let local = match text.strip_suffix(['Z', 'z']) {
        Some(local) => Some(local).filter(|local| local.contains(':'))?,
        None => text,
    };
    if local.get(10..)?.contains(['+', '-', 'Z', 'z']) {
        return None;
    }
    let civil = jiff::civil::DateTime::from_str(local).ok()?;
    let epoch = jiff::civil::DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
    i64::try_from(civil.duration_since(epoch).as_micros()).ok()
}

/// A printed [`Timestamp`].
pub struct Printed {
    bytes: [u8; 27],
    len: usize,
}

impl std::ops::Deref for Printed {
    type Target = str;
    fn deref(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.len]).unwrap_or("")
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.print())
    }
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        to.serialize_str(&self.print())
    }
}

impl<'de> serde::Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(
        from: D,
    ) -> std::result::Result<Timestamp, D::Error> {
        let text = String::deserialize(from)?;
        Timestamp::parse(&text).map_err(|Violation(_, message)| serde::de::Error::custom(message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_agrees_with_a_calendar_library() {
        for us in
            [0, -1, 1_700_000_000_123_456, YEAR_1_US, 951_782_400_000_000, 951_868_799_999_999]
        {
            let theirs = jiff::Timestamp::from_microsecond(us).unwrap();
            let ours = Timestamp(us).to_string();
            assert_eq!(ours.parse::<jiff::Timestamp>().unwrap(), theirs, "{ours}");
        }
    }

    #[test]
    fn each_spelling_of_the_contracts_is_read() {
        for (text, printed) in [
            ("2026-12-31T10:00:00Z", "2026-12-31T10:00:00Z"),
            ("2026-12-31T10:00:00+02:00", "2026-12-31T08:00:00Z"),
            ("2026-12-31T10:00:00.5", "2026-12-31T10:00:00.500000Z"),
            ("2026-12-31 10:00", "2026-12-31T10:00:00Z"),
            ("2026-12-31", "2026-12-31T00:00:00Z"),
            ("2026-12-31T10:00:00+23:59", "2026-12-30T10:01:00Z"),
            ("2026-12-31T10:00:00-2330", "2027-01-01T09:30:00Z"),
            ("2026-12-31T23:59:60Z", "2026-12-31T23:59:59Z"),
            ("2026-06-30T23:59:60.25Z", "2026-06-30T23:59:59.250000Z"),
            ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
            ("9999-12-31", "9999-12-31T00:00:00Z"),
        ] {
            assert_eq!(Timestamp::parse(text).unwrap().to_string(), printed);
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "tomorrow",
            "2026-02-30",
            "2026-13-01",
            "2026-12-31T25:00:00Z",
            "1700000000",
            "2026-12-31T10:00:00Z[Europe/Berlin]",
            "20261231T100000Z",
            "2026-12-31T10:00:00+99:99",
            "2026-12-31T10:00:00+24:00",
            "2026-12-31T10:00:00-24:00",
            "2026-12-31T10:00:00+2400",
            "2026-12-31T10:00:00+25",
            "2026-12-31T10:00:00+10:60",
            "2026-12-31T10:00:60Z",
            "2026-12-31T23:58:60Z",
            "2026-12-30T23:59:60Z",
            "2026-03-31T23:59:60Z",
            "2026-12-31T235860Z",
            "2027-01-01T00:59:60+01:00",
            "2026-12-31T23:59:61Z",
            "0000-01-01T00:00:00Z",
            "9999-12-31T23:59:59-01:00",
            "２０２６-12-31",
            "2026-12-31Z",
            "2026-12-31+02:00",
        ] {
            assert!(Timestamp::parse(text).is_err(), "{text}");
        }
    }
}
