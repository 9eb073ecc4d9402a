//! The words of an inline request (redis: `src/sds.c`, `sdssplitargs`).

use bytes::Bytes;

/// Splits a line at blanks; text in quotes may hold blanks, and escapes if the quotes are double ones. `None`: a quote is not closed, or its end is not
/// the end of the word. A zero byte ends the line.
pub(super) fn split(line: &[u8], words: &mut Vec<Bytes>) -> Option<()> {
    let line = memchr::memchr(0, line).map_or(line, |end| line.get(..end).unwrap_or(&[]));
    let mut rest = line;
    loop {
        rest = rest.trim_ascii_start();
        // A vertical tab separates, too, but does not end a word.
        while let [0x0b, after @ ..] = rest {
            rest = after.trim_ascii_start();
        }
        if rest.is_empty() {
            return Some(());
        }
        let mut word = Vec::new();
        rest = next_word(rest, &mut word)?;
        words.push(word.into());
    }
}

fn next_word<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        match rest {
            [] | [b' ' | b'\n' | b'\r' | b'\t', ..] => return Some(rest),
            [b'"', after @ ..] => return double_quoted(after, word),
            [b'\'', after @ ..] => return single_quoted(after, word),
            [byte, after @ ..] => {
                word.push(*byte);
                rest = after;
            }
        }
    }
}

fn double_quoted<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        match rest {
            [] => return None,
            [b'\\', b'x', high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                word.push(hex(*high) << 4 | hex(*low));
                rest = after;
            }
            [b'\\', escaped, after @ ..] => {
                word.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 0x08,
                    b'a' => 0x07,
                    other => *other,
                });
                rest = after;
            }
            [b'"', after @ ..] => return closed(after),
            [byte, after @ ..] => {
                word.push(*byte);
                rest = after;
            }
        }
    }
}

fn single_quoted<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        match rest {
            [] => return None,
            [b'\\', b'\'', after @ ..] => {
                word.push(b'\'');
                rest = after;
            }
            [b'\'', after @ ..] => return closed(after),
            [byte, after @ ..] => {
                word.push(*byte);
                rest = after;
            }
        }
    }
}

/// A closing quote ends its word.
fn closed(after: &[u8]) -> Option<&[u8]> {
    matches!(after, [] | [b' ' | 0x09..=0x0d, ..]).then_some(after)
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        other => (other | 0x20) - b'a' + 10,
    }
}
