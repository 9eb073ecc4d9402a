//! Characters a message may have: those XML 1.0 can carry, since one of the two wire protocols is XML.

/// Bytes that are looked at before a decision.
const PIECE: usize = 256;

/// Whether every character is one of `#x9 #xA #xD #x20–#xD7FF #xE000–#xFFFD #x10000–#x10FFFF`.
pub(crate) fn legal(text: &str) -> bool {
    // Most text is plain: looking at bytes first costs a fraction of decoding. A byte below space other than tab, newline and return is illegal; 0xEF may
    // begin U+FFFE or U+FFFF. Without an exit in the middle of a piece the compiler looks at many bytes at once.
    let suspicious = |b: u8| (b < 0x20) & (b != b'\t') & (b != b'\n') & (b != b'\r') | (b == 0xEF);
    if !text.as_bytes().chunks(PIECE).any(|piece| piece.iter().fold(false, |any, b| any | suspicious(*b))) {
        return true;
    }
    text.chars()
        .all(|c| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edges_of_every_range() {
        for good in ["", "\t\n\r ~", "\u{7f}", "\u{D7FF}\u{E000}\u{FFFD}\u{10000}\u{10FFFF}", "\u{FEFF}ä"] {
            assert!(legal(good), "{good:?}");
        }
        for bad in ["\0", "\u{1}", "\u{8}", "\u{b}", "\u{c}", "\u{e}", "\u{1f}", "\u{FFFE}", "a\u{FFFF}b"] {
            assert!(!legal(bad), "{bad:?}");
            assert!(!legal(&format!("{}{bad}", "x".repeat(PIECE * 2 + 1))), "{bad:?} far behind");
        }
    }
}
