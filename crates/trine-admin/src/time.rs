//! Times as the API writes and reads them: RFC 3339 in UTC with milliseconds.

const MS_PER_DAY: i64 = 86_400_000;
/// Largest year written and read.
const YEAR_MAX: i64 = 9999;

/// Milliseconds since the epoch as RFC 3339 (`2026-01-31T23:59:59.999Z`); times outside of the years 0 to 9999 as the bare number.
#[must_use]
pub fn to_rfc3339(ms: i64) -> String {
    let (days, rest) = (ms.div_euclid(MS_PER_DAY), ms.rem_euclid(MS_PER_DAY));
    let (year, month, day) = civil(days);
    if !(0..=YEAR_MAX).contains(&year) {
        return ms.to_string();
    }
    let (hour, minute, second, milli) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60, rest % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// Parses RFC 3339: `2026-01-31T23:59:59Z`, with a fraction, with an offset such as `+02:00`, or a date alone. `None` when it is none of those.
#[must_use]
pub fn from_rfc3339(text: &str) -> Option<i64> {
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let days = parse_date(date)?;
    let ms = match time {
        Some(time) => parse_time(time)?,
        None => 0,
    };
    days.checked_mul(MS_PER_DAY)?.checked_add(ms)
}

fn parse_date(date: &str) -> Option<i64> {
    let mut parts = date.splitn(3, '-').map(digits);
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let days = days_from_civil(year, month, day);
    // Only real dates come back as themselves.
    (year <= YEAR_MAX && civil(days) == (year, month, day)).then_some(days)
}

/// Milliseconds since midnight UTC, negative or beyond a day with an offset.
fn parse_time(time: &str) -> Option<i64> {
    let zone = time.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = time.split_at_checked(zone)?;
    let offset_minutes = match zone {
        "Z" | "z" => 0,
        _ => {
            let (hours, minutes) = zone.get(1..)?.split_once(':')?;
            let minutes = digits(hours).filter(|h| *h < 24)? * 60 + digits(minutes).filter(|m| *m < 60)?;
            if zone.starts_with('-') { -minutes } else { minutes }
        }
    };
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut parts = clock.splitn(3, ':').map(digits);
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    // A leap second counts as the second after it.
    if hour > 23 || minute > 59 || second > 60 || fraction.len() > 9 {
        return None;
    }
    digits(fraction)?;
    let milli = digits(&format!("{fraction:0<3}")[..3])?;
    Some(((hour * 60 + minute - offset_minutes) * 60 + second) * 1000 + milli)
}

fn digits(text: &str) -> Option<i64> {
    let plain = !text.is_empty() && text.len() <= 9 && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// Year, month and day of a day since the epoch, in the proleptic Gregorian calendar: eras of 400 years, years that begin in March.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days.saturating_add(719_468);
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let shifted_month = (month + 9) % 12;
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_times() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_700_000_000_123, "2023-11-14T22:13:20.123Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(to_rfc3339(ms), text);
            assert_eq!(from_rfc3339(text), Some(ms));
        }
        assert_eq!(to_rfc3339(i64::MAX), i64::MAX.to_string());
        assert_eq!(to_rfc3339(i64::MIN), i64::MIN.to_string());
    }

    #[test]
    fn every_day_round_trips() {
        for day in (-20_000..80_000).step_by(13) {
            let (y, m, d) = civil(day);
            assert_eq!(days_from_civil(y, m, d), day);
        }
    }

    #[test]
    fn other_forms() {
        for (text, ms) in [
            ("1970-01-02", MS_PER_DAY),
            ("1970-01-01T01:00:00+01:00", 0),
            ("1969-12-31 23:30:00-00:30", 0),
            ("1970-01-01t00:00:00.5z", 500),
            ("1970-01-01T00:00:00.123456789Z", 123),
        ] {
            assert_eq!(from_rfc3339(text), Some(ms), "{text}");
        }
        for bad in [
            "",
            "1970",
            "1970-13-01",
            "1970-02-30",
            "1970-01-01T24:00:00Z",
            "1970-01-01T00:00:00",
            "1970-01-01T00:00Z",
            "x",
            "1970-01-01T00:00:00.Z",
            "-1970-01-01",
            "1970-01-01T00:00:00+2",
            "99999-01-01",
            "1970-01-01T00:00:00é",
        ] {
            assert_eq!(from_rfc3339(bad), None, "{bad}");
        }
    }
}
