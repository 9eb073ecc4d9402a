//! Expressions over messages, as `peek` and `redrive` take them: `field op value`, joined by `and`. Fields are `body`, `header.NAME`, `group`, `count` (how often
//! delivered), `age` (since it was sent, `30s`) and `reason` (why it was dead-lettered); operators are `=`, `!=`, `~` (a regular expression matches somewhere),
//! `<` and `>`. A value with blanks stands in double quotes, where `\"` and `\\` are a quote and a backslash.
//!
//! ```text
//! count > 3 and header.kind = invoice and body ~ "\"amount\": *[0-9]{4}"
//! ```

use std::{borrow::Cow, cmp::Ordering, time::Duration};

use regex::bytes::{Regex, RegexBuilder};
use trine_types::units::parse_duration;

use crate::error::ApiError;

/// Longest expression, bytes.
const EXPRESSION_BYTES_MAX: usize = 8 << 10;
/// Most conditions of one expression.
const CONDITIONS_MAX: usize = 32;
/// Memory of one compiled regular expression, bytes.
const REGEX_BYTES_MAX: usize = 1 << 20;

/// What an expression looks at.
pub(crate) trait Subject {
    /// The body.
    fn body(&self) -> &[u8];
    /// The value of a header.
    fn header(&self, name: &str) -> Option<Cow<'_, [u8]>>;
    /// The group.
    fn group(&self) -> Option<&str>;
    /// How often it was delivered.
    fn count(&self) -> u64;
    /// Time since it was sent.
    fn age(&self) -> Duration;
    /// Why it was dead-lettered.
    fn reason(&self) -> Option<&str>;
}

/// A parsed expression; the empty one matches everything.
#[derive(Debug, Default)]
pub(crate) struct Expression(Vec<Condition>);

#[derive(Debug)]
struct Condition {
    field: Field,
    test: Test,
}

#[derive(Debug, PartialEq, Eq)]
enum Field {
    Body,
    Header(String),
    Group,
    Count,
    Age,
    Reason,
}

#[derive(Debug)]
enum Test {
    Text(Op, String),
    Number(Op, u64),
    Duration(Op, Duration),
    Matches(Regex),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Equal,
    NotEqual,
    Matches,
    Less,
    Greater,
}

impl Op {
    const ALL: [(&'static str, Self); 5] =
        [("!=", Self::NotEqual), ("=", Self::Equal), ("~", Self::Matches), ("<", Self::Less), (">", Self::Greater)];

    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::NotEqual => ordering.is_ne(),
            Self::Less => ordering.is_lt(),
            Self::Greater => ordering.is_gt(),
            Self::Matches => false,
        }
    }
}

impl Expression {
    /// Reads an expression.
    pub(crate) fn parse(text: &str) -> Result<Self, ApiError> {
        if text.len() > EXPRESSION_BYTES_MAX {
            let message =
                format!("the expression has {} bytes; at most {EXPRESSION_BYTES_MAX} are allowed", text.len());
            return Err(ApiError::invalid(message).limit("expression_bytes", EXPRESSION_BYTES_MAX));
        }
        let mut conditions = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            if conditions.len() == CONDITIONS_MAX {
                let message = format!("the expression has more than {CONDITIONS_MAX} conditions");
                return Err(ApiError::invalid(message).limit("expression_conditions", CONDITIONS_MAX));
            }
            let (condition, after) = condition(rest)?;
            conditions.push(condition);
            rest = match after.trim_start() {
                "" => "",
                after => match after.strip_prefix("and").filter(|rest| rest.starts_with(char::is_whitespace)) {
                    Some(next) if !next.trim().is_empty() => next.trim_start(),
                    _ => return Err(wrong(after, "conditions are joined by `and`")),
                },
            };
        }
        Ok(Self(conditions))
    }

    /// Whether every condition holds.
    pub(crate) fn matches(&self, subject: &impl Subject) -> bool {
        self.0.iter().all(|condition| condition.holds(subject))
    }

    /// Whether it says anything at all.
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn wrong(at: &str, what: &str) -> ApiError {
    let shown: String = at.chars().take(40).collect();
    ApiError::invalid(format!(
        "the expression is wrong at {shown:?}: {what}; write `field op value`, joined by `and`, with the fields body, header.NAME, group, count, age and reason \
         and the operators = != ~ < >"
    ))
}

/// The first condition and what comes after it.
fn condition(text: &str) -> Result<(Condition, &str), ApiError> {
    let end = text.find(|c: char| c.is_whitespace() || "=!~<>".contains(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let field = match name {
        "body" => Field::Body,
        "group" => Field::Group,
        "count" => Field::Count,
        "age" => Field::Age,
        "reason" => Field::Reason,
        _ => match name.strip_prefix("header.").filter(|name| !name.is_empty()) {
            Some(header) => Field::Header(header.to_owned()),
            None => return Err(wrong(text, "there is no such field")),
        },
    };
    let rest = rest.trim_start();
    let operator = Op::ALL.iter().find_map(|(sign, op)| Some((*op, rest.strip_prefix(sign)?)));
    let (op, rest) = operator.ok_or_else(|| wrong(rest, "an operator is missing"))?;
    let (value, after) = value(rest.trim_start())?;
    let test = match (&field, op) {
        (Field::Count, Op::Matches) | (Field::Age, Op::Matches) => {
            return Err(wrong(text, "~ is for text"));
        }
        (Field::Count, op) => Test::Number(op, value.parse().map_err(|_| wrong(&value, "a whole number is expected"))?),
        (Field::Age, op) => Test::Duration(op, parse_duration(&value).map_err(|error| wrong(&value, &error))?),
        (_, Op::Matches) => {
            let regex = RegexBuilder::new(&value).size_limit(REGEX_BYTES_MAX).dfa_size_limit(REGEX_BYTES_MAX).build();
            Test::Matches(regex.map_err(|error| wrong(&value, &error.to_string()))?)
        }
        (_, op) => Test::Text(op, value),
    };
    Ok((Condition { field, test }, after))
}

/// The value at the beginning of a text and what comes after it.
fn value(text: &str) -> Result<(String, &str), ApiError> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        if word.is_empty() {
            return Err(wrong(text, "a value is missing"));
        }
        return Ok((word.to_owned(), rest));
    };
    let mut out = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((out, quoted.get(at + 1..).unwrap_or_default())),
            // Only these two: everything else a regular expression may mean stays as it is.
            '\\' => match chars.clone().next() {
                Some((_, escaped @ ('"' | '\\'))) => {
                    out.push(escaped);
                    chars.next();
                }
                _ => out.push('\\'),
            },
            other => out.push(other),
        }
    }
    Err(wrong(text, "a quote is not closed"))
}

impl Condition {
    fn holds(&self, subject: &impl Subject) -> bool {
        let text = |value: Option<Cow<'_, [u8]>>| match &self.test {
            Test::Matches(regex) => value.is_some_and(|value| regex.is_match(&value)),
            // What is not there differs from everything.
            Test::Text(Op::NotEqual, wanted) => value.is_none_or(|value| *value != *wanted.as_bytes()),
            Test::Text(op, wanted) => value.is_some_and(|value| op.holds((*value).cmp(wanted.as_bytes()))),
            Test::Number(..) | Test::Duration(..) => false,
        };
        match (&self.field, &self.test) {
            (Field::Count, Test::Number(op, wanted)) => op.holds(subject.count().cmp(wanted)),
            (Field::Age, Test::Duration(op, wanted)) => op.holds(subject.age().cmp(wanted)),
            (Field::Body, _) => text(Some(subject.body().into())),
            (Field::Header(name), _) => text(subject.header(name)),
            (Field::Group, _) => text(subject.group().map(|group| group.as_bytes().into())),
            (Field::Reason, _) => text(subject.reason().map(|reason| reason.as_bytes().into())),
            (Field::Count | Field::Age, _) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Job;

    impl Subject for Job {
        fn body(&self) -> &[u8] {
            br#"{"kind": "invoice", "amount": 1200}"#
        }

        fn header(&self, name: &str) -> Option<Cow<'_, [u8]>> {
            (name == "kind").then(|| b"invoice"[..].into())
        }

        fn group(&self) -> Option<&str> {
            Some("a b")
        }

        fn count(&self) -> u64 {
            4
        }

        fn age(&self) -> Duration {
            Duration::from_secs(90)
        }

        fn reason(&self) -> Option<&str> {
            None
        }
    }

    fn matches(text: &str) -> bool {
        Expression::parse(text).unwrap().matches(&Job)
    }

    #[test]
    fn conditions_say_what_they_say() {
        for holds in [
            "",
            "count > 3",
            "count=4",
            "count != 5",
            "age < 2m and age > 1m",
            "header.kind = invoice",
            "header.none != x",
            r#"group = "a b""#,
            r#"body ~ "\"amount\": *[0-9]{4}\b""#,
            "body ~ invoice and count < 10 and reason != max-receives",
            "reason != x",
        ] {
            assert!(matches(holds), "{holds}");
        }
        for fails in ["count > 4", "age > 2m", "header.none = x", "reason = x", "reason ~ .", "group = a", "body ~ ^x"]
        {
            assert!(!matches(fails), "{fails}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let too_many = vec!["count = 1"; CONDITIONS_MAX + 1].join(" and ");
        let too_long = format!("body = {}", "x".repeat(EXPRESSION_BYTES_MAX));
        for bad in [
            "colour = red",
            "count",
            "count >",
            "count > many",
            "count ~ 3",
            "age > 5",
            "body ~ (",
            r#"body = "open"#,
            "count = 1 or count = 2",
            "count = 1 and",
            "header. = x",
            &too_many,
            &too_long,
            "body ~ (a{1000}){1000}",
        ] {
            assert!(Expression::parse(bad).is_err(), "{bad}");
        }
    }
}
