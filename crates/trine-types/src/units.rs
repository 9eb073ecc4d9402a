//! Durations (`30s`) and sizes (`64MiB`) as users write them.

use std::time::Duration;

const DURATIONS: &[(&str, u64)] = &[("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

const SIZES: &[(&str, u64)] = &[
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
];

/// Parses `250ms`, `30s`, `5m`, `12h`, `7d`; `0` needs no unit.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let ms = scaled(text, DURATIONS, &["0"])
        .ok_or_else(|| format!("{text:?} is not a duration; write a number and ms, s, m, h or d, for example 30s"))?;
    Ok(Duration::from_millis(ms))
}

/// Parses `512KiB`, `64MiB`, `1GB`; a number without a unit is bytes.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let plain = text.bytes().all(|b| b.is_ascii_digit());
    if plain { text.parse().ok() } else { scaled(text, SIZES, &[]) }.ok_or_else(|| {
        format!("{text:?} is not a size; write a number and B, KiB, MiB, GiB, kB, MB or GB, for example 64MiB")
    })
}

/// The shortest exact way to write a duration.
#[must_use]
pub fn show_duration(duration: Duration) -> String {
    let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let exact = DURATIONS.iter().rev().find(|(_, scale)| ms > 0 && ms.is_multiple_of(*scale));
    exact.map_or_else(|| "0".to_owned(), |(unit, scale)| format!("{}{unit}", ms / scale))
}

/// A size for people: three significant digits, binary units.
#[must_use]
pub fn show_size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let digits = if unit == 0 || value >= 100.0 || value.fract() == 0.0 { 0 } else { 1 };
    format!("{value:.digits$} {}", UNITS[unit])
}

fn scaled(text: &str, units: &[(&str, u64)], bare: &[&str]) -> Option<u64> {
    if bare.contains(&text) {
        return text.parse().ok();
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, scale) = units.iter().find(|(name, _)| *name == unit.trim())?;
    number.parse::<u64>().ok()?.checked_mul(*scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, ms) in
            [("0", 0), ("250ms", 250), ("30s", 30_000), ("5 m", 300_000), ("12h", 43_200_000), ("7d", 604_800_000)]
        {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for bad in ["", "30", "s", "-1s", "1.5s", "1w", "99999999999999999999s", "18446744073709551615d"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
        for text in ["0", "250ms", "30s", "90s", "5m", "36h", "7d"] {
            assert_eq!(show_duration(parse_duration(text).unwrap()), text);
        }
    }

    #[test]
    fn sizes() {
        for (text, bytes) in
            [("0", 0), ("17", 17), ("17B", 17), ("512KiB", 524_288), ("64 MiB", 64 << 20), ("1GB", 1_000_000_000)]
        {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for bad in ["", "MiB", "1 mib", "-1", "1.5GiB", "99999999999999999999", "99999999999TiB"] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
        for (bytes, text) in
            [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (64 << 20, "64 MiB"), (12_345_678_901, "11.5 GiB")]
        {
            assert_eq!(show_size(bytes), text);
        }
    }
}
