//! Values of attributes whose type is Number: decimal, up to 38 significant digits, from −10^128 to 10^126; kept and returned as text.

/// Most significant digits.
const DIGITS_MAX: usize = 38;
/// Greatest exponent of a positive number written as d.ddd × 10^e, and of a negative one.
const POSITIVE_EXPONENT_MAX: i64 = 126;
const NEGATIVE_EXPONENT_MAX: i64 = 128;
/// Longest text: nobody writes more zeros than this, and checking costs its length.
const TEXT_BYTES_MAX: usize = 512;

/// Whether a text is such a number: `[+-]digits[.digits][e[+-]digits]`.
pub(crate) fn is_number(text: &str) -> bool {
    scan(text).is_some()
}

fn scan(text: &str) -> Option<()> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (text.get(..at)?, exponent(text.get(at + 1..)?)?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
    let Some(first) = digits.iter().position(|d| *d != b'0') else { return Some(()) };
    let last = digits.iter().rposition(|d| *d != b'0')?;
    if last - first + 1 > DIGITS_MAX {
        return None;
    }
    // The first digit's place: 10^magnitude.
    let magnitude =
        exponent.checked_add(i64::try_from(whole.len()).ok()?)?.checked_sub(i64::try_from(first).ok()? + 1)?;
    let max = if negative { NEGATIVE_EXPONENT_MAX } else { POSITIVE_EXPONENT_MAX };
    let power_of_ten = first == last && digits.get(first) == Some(&b'1');
    (magnitude < max || (magnitude == max && power_of_ten)).then_some(())
}

fn exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.strip_prefix('+').unwrap_or(text).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let longest = "9".repeat(38);
        let zeros = "0".repeat(126);
        for good in [
            "0",
            "-0",
            "1",
            "+1",
            "1.",
            ".5",
            "007",
            "1493147359900",
            "1.5e3",
            "1E-200",
            "-1e128",
            "1e126",
            "0e999",
            &longest,
            &format!("1{zeros}"),
        ] {
            assert!(is_number(good), "{good:?}");
        }
        let too_long = "9".repeat(39);
        let huge = "1".repeat(513);
        for bad in [
            "",
            "-",
            ".",
            "a",
            "1a",
            "1e",
            "e5",
            "1e+",
            "0x10",
            " 1",
            "1 ",
            "NaN",
            "inf",
            "2e126",
            "1e127",
            "-1e129",
            "1e99999999999999999999",
        ] {
            assert!(!is_number(bad), "{bad:?}");
        }
        assert!(!is_number(&too_long) && !is_number(&huge));
    }
}
