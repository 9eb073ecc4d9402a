//! Times as signatures write them: seconds since the epoch ⇄ `20261101T120000Z`.

const DAY: i64 = 86_400;
/// Months as HTTP writes them.
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `20261101T120000Z` as seconds since the epoch.
pub(crate) fn parse_basic(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let shaped = bytes.len() == 16 && bytes.get(8) == Some(&b'T') && bytes.get(15) == Some(&b'Z');
    if !shaped {
        return None;
    }
    let n = |from, to| number(bytes.get(from..to)?);
    seconds(n(0, 4)?, n(4, 6)?, n(6, 8)?, n(9, 11)?, n(11, 13)?, n(13, 15)?)
}

/// The `Date` header: `Wed, 25 Nov 2026 13:00:35 GMT` (RFC 9110 §5.6.7), or the basic form that some clients put there.
pub(crate) fn parse_date_header(text: &str) -> Option<i64> {
    if let Some(seconds) = parse_basic(text) {
        return Some(seconds);
    }
    let mut parts = text.split_ascii_whitespace().skip(1);
    let (day, month, year, clock, zone) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let month = i64::try_from(MONTHS.iter().position(|m| *m == month)?).ok()? + 1;
    let mut clock = clock.splitn(3, ':').map(|part| number(part.as_bytes()));
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let day = number(day.as_bytes())?;
    let year = number(year.as_bytes()).filter(|_| year.len() == 4)?;
    (zone == "GMT").then(|| seconds(year, month, day, hour, minute, second)).flatten()
}

/// Seconds since the epoch as `20261101T120000Z`.
pub(crate) fn basic(seconds: i64) -> String {
    let (days, rest) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let (year, month, day) = civil(days);
    format!("{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

/// Seconds since the epoch as a `Date` header has them: `Wed, 25 Nov 2026 13:00:35 GMT`.
pub(crate) fn date_header(seconds: i64) -> String {
    const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    let (days, rest) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let (year, month, day) = civil(days);
    let weekday = WEEKDAYS.get(days.rem_euclid(7) as usize).copied().unwrap_or_default();
    let month = MONTHS.get((month - 1) as usize).copied().unwrap_or_default();
    format!("{weekday}, {day:02} {month} {year:04} {:02}:{:02}:{:02} GMT", rest / 3600, rest / 60 % 60, rest % 60)
}

fn number(digits: &[u8]) -> Option<i64> {
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    if plain { std::str::from_utf8(digits).ok()?.parse().ok() } else { None }
}

fn seconds(year: i64, month: i64, day: i64, hour: i64, minute: i64, second: i64) -> Option<i64> {
    // A leap second is accepted as the first of the next minute.
    let right = (1..=12).contains(&month)
        && (1..=days_of(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    right.then(|| days(year, month, day) * DAY + hour * 3600 + minute * 60 + second)
}

fn days_of(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since the epoch of a date: years are counted from March, so that the leap day is the last of its year.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The date of a day since the epoch.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let (day, month) = (of_year - (153 * shifted + 2) / 5 + 1, (shifted + 2) % 12 + 1);
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_round_trip() {
        for (text, seconds) in [
            ("19700101T000000Z", 0),
            ("20000229T235959Z", 951_868_799),
            ("20150830T123600Z", 1_440_938_160),
            ("20261101T120000Z", 1_793_534_400),
        ] {
            assert_eq!(parse_basic(text), Some(seconds), "{text}");
            assert_eq!(basic(seconds), text);
        }
        for day in (0..80_000).step_by(17) {
            assert_eq!(parse_basic(&basic(day * DAY + 3_661)), Some(day * DAY + 3_661));
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for bad in
            ["", "20261101T120000", "20261101 120000Z", "20261301T120000Z", "20260229T000000Z", "2026110xT120000Z"]
        {
            assert_eq!(parse_basic(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_date_header() {
        assert_eq!(parse_date_header("Sun, 01 Nov 2026 12:00:00 GMT"), Some(1_793_534_400));
        assert_eq!(parse_date_header("20261101T120000Z"), Some(1_793_534_400));
        assert_eq!(date_header(1_793_534_400), "Sun, 01 Nov 2026 12:00:00 GMT");
        assert_eq!(date_header(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(parse_date_header(&date_header(951_868_799)), Some(951_868_799));
        for bad in ["", "Sun, 01 Nov 2026 12:00:00", "Sun, 01 Foo 2026 12:00:00 GMT", "Sun, 01 Nov 26 12:00:00 GMT"] {
            assert_eq!(parse_date_header(bad), None, "{bad}");
        }
    }
}
