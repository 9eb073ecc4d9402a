//! Patterns of channels, as Redis understands them (redis: `src/util.c`, `stringmatchlen`): `*` any run of bytes, `?` one byte, `[…]` one byte of a
//! class, `\x` the byte x. The whole name must match. The empty name is matched by the empty pattern only, not by `*`.
//!
//! Matching never recurses and goes back to the last star only, which gives the same answers: at most pattern × name steps, whatever the pattern.

/// A pattern, looked at once.
#[derive(Clone, Debug)]
pub struct Glob {
    /// The text before the first `*`, `?` or class, with its escapes resolved.
    prefix: Box<[u8]>,
    shape: Shape,
}

/// What has to be compared besides the prefix.
#[derive(Clone, Debug)]
enum Shape {
    /// Nothing: the name is the prefix.
    Literal,
    /// Any text, then this text and nothing more: `prefix*`, `*suffix`, `prefix*suffix`.
    Suffix(Box<[u8]>),
    /// This pattern, from where the prefix ends.
    General(Box<[u8]>),
}

impl Glob {
    /// Looks at a pattern. Every sequence of bytes is one.
    #[must_use]
    pub fn new(pattern: &[u8]) -> Self {
        let (prefix, rest) = literal(pattern);
        let shape = match rest {
            [] => Shape::Literal,
            [b'*', ..] => {
                let after = skip_stars(rest);
                match literal(after) {
                    (suffix, []) => Shape::Suffix(suffix.into()),
                    _ => Shape::General(rest.into()),
                }
            }
            _ => Shape::General(rest.into()),
        };
        Self { prefix: prefix.into(), shape }
    }

    /// What every name that matches begins with.
    #[must_use]
    pub fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    /// Whether it matches one name only, [`Glob::prefix`].
    #[must_use]
    pub const fn is_literal(&self) -> bool {
        matches!(self.shape, Shape::Literal)
    }

    /// Whether the whole name matches.
    #[must_use]
    pub fn matches(&self, name: &[u8]) -> bool {
        let Some(rest) = name.strip_prefix(&*self.prefix) else { return false };
        match &self.shape {
            Shape::Literal => rest.is_empty(),
            Shape::Suffix(suffix) => !name.is_empty() && rest.ends_with(suffix),
            Shape::General(pattern) => !name.is_empty() && matches_from(pattern, rest),
        }
    }
}

/// The literal text at the beginning, and what follows it. A backslash at the very end stands for itself.
fn literal(pattern: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut text = Vec::new();
    let mut rest = pattern;
    loop {
        match rest {
            [] | [b'*' | b'?' | b'[', ..] => return (text, rest),
            [b'\\', byte, after @ ..] | [byte, after @ ..] => {
                text.push(*byte);
                rest = after;
            }
        }
    }
}

fn skip_stars(pattern: &[u8]) -> &[u8] {
    let stars = pattern.iter().take_while(|byte| **byte == b'*').count();
    pattern.get(stars..).unwrap_or(&[])
}

/// Matches with two positions and the place to come back to.
fn matches_from(mut pattern: &[u8], mut name: &[u8]) -> bool {
    let mut last_star: Option<(&[u8], &[u8])> = None;
    loop {
        if let [b'*', ..] = pattern {
            pattern = skip_stars(pattern);
            if pattern.is_empty() {
                return true;
            }
            last_star = Some((pattern, name));
            continue;
        }
        let Some((&byte, name_rest)) = name.split_first() else {
            // A star would have to give up bytes it does not have.
            return pattern.is_empty();
        };
        if let Some(pattern_rest) = step(pattern, byte) {
            pattern = pattern_rest;
            name = name_rest;
            continue;
        }
        let Some((after_star, tried)) = &mut last_star else { return false };
        let Some((_, next)) = tried.split_first() else { return false };
        *tried = next;
        (pattern, name) = (after_star, next);
    }
}

/// Matches one byte with the pattern's next element, which is not a star; what is left of the pattern if it does.
fn step(pattern: &[u8], byte: u8) -> Option<&[u8]> {
    match pattern {
        [] => None,
        [b'?', rest @ ..] => Some(rest),
        [b'[', rest @ ..] => class(rest, byte),
        [b'\\', want, rest @ ..] | [want, rest @ ..] => (*want == byte).then_some(rest),
    }
}

/// A class, from behind its bracket. It ends with the first bracket that is not escaped, or with the pattern.
fn class(pattern: &[u8], byte: u8) -> Option<&[u8]> {
    let (negated, mut rest) = match pattern {
        [b'^', rest @ ..] => (true, rest),
        _ => (false, pattern),
    };
    let mut found = false;
    loop {
        match rest {
            [] => break,
            [b'\\', want, after @ ..] => {
                found |= *want == byte;
                rest = after;
            }
            [b']', after @ ..] => {
                rest = after;
                break;
            }
            // The last byte of a range may be anything, the closing bracket, too.
            [from, b'-', to, after @ ..] => {
                found |= (*from.min(to)..=*from.max(to)).contains(&byte);
                rest = after;
            }
            [want, after @ ..] => {
                found |= *want == byte;
                rest = after;
            }
        }
    }
    (found != negated).then_some(rest)
}

#[cfg(test)]
mod tests;
