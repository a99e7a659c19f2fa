//! Instants: milliseconds since the epoch, read from RFC 3339 and written as it. No clock.

use alloc::string::String;

/// Reads an RFC 3339 date-time (section 5.6 of the RFC) as milliseconds since the epoch, or `None` if it is not one.
///
/// Fractions are cut to milliseconds. An instant that does not exist (31 April, hour 24) is none; so is a leap second, which
/// epoch time cannot express.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    let mut cursor = Cursor(text.as_bytes());
    let year = cursor.digits(4)?;
    cursor.one_of(b"-")?;
    let month = cursor.digits(2)?;
    cursor.one_of(b"-")?;
    let day = cursor.digits(2)?;
    cursor.one_of(b"Tt")?;
    let hour = cursor.digits(2)?;
    cursor.one_of(b":")?;
    let minute = cursor.digits(2)?;
    cursor.one_of(b":")?;
    let second = cursor.digits(2)?;
    let millis = if cursor.one_of(b".").is_some() { cursor.fraction_millis()? } else { 0 };
    let offset_minutes = match cursor.one_of(b"Zz+-")? {
        sign @ (b'+' | b'-') => {
            let hours = cursor.digits(2)?;
            cursor.one_of(b":")?;
            let minutes = cursor.digits(2)?;
            if hours > 23 || minutes > 59 {
                return None;
            }
            let offset = hours.checked_mul(60)?.checked_add(minutes)?;
            if sign == b'+' { offset } else { offset.checked_neg()? }
        }
        _ => 0,
    };
    if !cursor.0.is_empty() || !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let minutes = days_from_civil(year, month, day)?
        .checked_mul(24 * 60)?
        .checked_add(hour.checked_mul(60)?)?
        .checked_add(minute)?
        .checked_sub(offset_minutes)?;
    minutes.checked_mul(60)?.checked_add(second)?.checked_mul(1000)?.checked_add(millis)
}

/// Writes milliseconds since the epoch as RFC 3339 in UTC with milliseconds: `2026-11-21T10:00:00.000Z`.
///
/// Years outside 0–9999 are not RFC 3339; they are clamped to its first and last instant.
#[must_use]
pub fn format_rfc3339(epoch_ms: i64) -> String {
    const FIRST: i64 = -62_167_219_200_000;
    const LAST: i64 = 253_402_300_799_999;
    let ms = epoch_ms.clamp(FIRST, LAST);
    let (year, month, day) = civil_from_days(ms.div_euclid(86_400_000));
    let in_day = ms.rem_euclid(86_400_000);
    let (hour, minute) = (in_day / 3_600_000, in_day / 60_000 % 60);
    let (second, milli) = (in_day / 1000 % 60, in_day % 1000);
    let mut text = String::with_capacity(24);
    // Each log line has one: the formatter of the standard library takes several times as long.
    let year = (year, 1000, '-');
    for (number, highest, after) in [
        year,
        (month, 10, '-'),
        (day, 10, 'T'),
        (hour, 10, ':'),
        (minute, 10, ':'),
        (second, 10, '.'),
        (milli, 100, 'Z'),
    ] {
        let mut unit: i64 = highest;
        while let Some(digits) = number.checked_div(unit) {
            text.push(char::from(b'0' | u8::try_from(digits % 10).unwrap_or(0)));
            unit /= 10;
        }
        text.push(after);
    }
    text
}

struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn one_of(&mut self, choices: &[u8]) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        choices.contains(&first).then(|| {
            self.0 = rest;
            first
        })
    }

    fn digit(&mut self) -> Option<i64> {
        self.one_of(b"0123456789").map(|digit| i64::from(digit & 0x0f))
    }

    fn digits(&mut self, count: u32) -> Option<i64> {
        (0..count).try_fold(0_i64, |value, _| value.checked_mul(10)?.checked_add(self.digit()?))
    }

    fn fraction_millis(&mut self) -> Option<i64> {
        let mut millis = self.digit()?.checked_mul(100)?;
        for scale in [10, 1] {
            match self.digit() {
                Some(digit) => millis = millis.checked_add(digit.checked_mul(scale)?)?,
                None => return Some(millis),
            }
        }
        while self.digit().is_some() {}
        Some(millis)
    }
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date of the proleptic Gregorian calendar, counted in eras of 400 years that start on 1 March.
fn days_from_civil(year: i64, month: i64, day: i64) -> Option<i64> {
    let year = if month <= 2 { year.checked_sub(1)? } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = month.checked_add(9)? % 12;
    let day_of_year = month_from_march.checked_mul(153)?.checked_add(2)? / 5;
    let day_of_era = year_of_era
        .checked_mul(365)?
        .checked_add(year_of_era / 4)?
        .checked_sub(year_of_era / 100)?
        .checked_add(day_of_year)?
        .checked_add(day)?
        .checked_sub(1)?;
    era.checked_mul(146_097)?.checked_add(day_of_era)?.checked_sub(719_468)
}

/// The date that is `days` after 1970-01-01. The caller has clamped `days` to years 0–9999, far from any overflow.
#[allow(clippy::arithmetic_side_effects)]
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::prelude::v1::*;

    #[test]
    fn reads_the_examples_of_the_rfc() {
        assert_eq!(parse_rfc3339("1985-04-12T23:20:50.52Z"), Some(482_196_050_520));
        assert_eq!(parse_rfc3339("1996-12-19T16:39:57-08:00"), Some(851_042_397_000));
        assert_eq!(parse_rfc3339("1937-01-01T12:00:27.87+00:20"), Some(-1_041_337_172_130));
    }

    #[test]
    fn cuts_fractions_to_milliseconds() {
        assert_eq!(parse_rfc3339("1970-01-01T00:00:00.0019999z"), Some(1));
        assert_eq!(parse_rfc3339("1970-01-01t00:00:00.1Z"), Some(100));
    }

    #[test]
    fn refuses_what_names_no_instant() {
        for text in [
            "",
            "2026-11-21",
            "2026-11-21T10:00:00",
            "2026-11-21 10:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-04-31T00:00:00Z",
            "2025-02-29T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "1990-12-31T23:59:60Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00+24:00",
            "2026-01-01T00:00:00Zx",
            "+026-01-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-00-01T00:00:00Z",
        ] {
            assert_eq!(parse_rfc3339(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(ms in -62_167_219_200_000_i64..=253_402_300_799_999) {
            prop_assert_eq!(parse_rfc3339(&format_rfc3339(ms)), Some(ms));
        }
    }
}
