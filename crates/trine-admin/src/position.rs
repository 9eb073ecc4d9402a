//! Positions in a partition as people write them: `start`, `end`, `-10` (ten before the end), `+42` (offset 42), `@TIME` (RFC 3339, epoch seconds or
//! milliseconds, or `@-5m` for five minutes ago).

use trine_broker::{Broker, OffsetQuery, PartitionRef};
use trine_types::{Offset, Timestamp, units::parse_duration};

use crate::{error::ApiError, time};

/// A place in a partition, not yet looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    Start,
    End,
    /// So many offsets before the end.
    BeforeEnd(u64),
    /// This offset.
    At(Offset),
    /// The first record at or after this time, in milliseconds.
    Time(i64),
}

/// Epoch numbers below this are seconds: in milliseconds they would be in 1973 or before.
const SECONDS_BELOW: i64 = 100_000_000_000;

impl Position {
    /// Reads a position; `now` is for times relative to it.
    pub(crate) fn parse(text: &str, now: Timestamp) -> Result<Self, ApiError> {
        let bad = || {
            ApiError::invalid(format!(
                "{text:?} is no position; write start, end, -N (N before the end), +N (offset N) or @TIME (RFC 3339, epoch, or -5m for ago)"
            ))
        };
        let number = |digits: &str| digits.parse::<u64>().ok().filter(|_| digits.bytes().all(|b| b.is_ascii_digit()));
        match text {
            "start" => Ok(Self::Start),
            "end" => Ok(Self::End),
            _ => match text.split_at_checked(1) {
                Some(("-", rest)) => number(rest).map(Self::BeforeEnd).ok_or_else(bad),
                Some(("+", rest)) => number(rest).map(Self::At).ok_or_else(bad),
                Some(("@", rest)) => parse_time(rest, now).map(Self::Time).ok_or_else(bad),
                _ => Err(bad()),
            },
        }
    }

    /// The offset it means in a partition now, within what exists (a given offset is taken as it is).
    pub(crate) async fn resolve(self, broker: &Broker, partition: &PartitionRef) -> Result<Offset, ApiError> {
        let view = partition.view();
        let (start, end) = (view.log_start(), view.end());
        Ok(match self {
            Self::Start => start,
            Self::End => end,
            Self::BeforeEnd(n) => end.saturating_sub(n).max(start),
            Self::At(offset) => offset,
            Self::Time(ms) => {
                let found = broker.streams().offset_for(partition, OffsetQuery::At(Timestamp(ms))).await?;
                found.offset.unwrap_or(end)
            }
        })
    }
}

fn parse_time(text: &str, now: Timestamp) -> Option<i64> {
    if let Some(ago) = text.strip_prefix('-') {
        let ago = parse_duration(ago).ok()?;
        return now.0.checked_sub(i64::try_from(ago.as_millis()).ok()?);
    }
    if let Ok(number) = text.parse::<i64>() {
        return if number.abs() < SECONDS_BELOW { number.checked_mul(1000) } else { Some(number) };
    }
    time::from_rfc3339(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form() {
        let now = Timestamp(1_700_000_000_000);
        for (text, want) in [
            ("start", Position::Start),
            ("end", Position::End),
            ("-10", Position::BeforeEnd(10)),
            ("+42", Position::At(42)),
            ("@1700000000", Position::Time(1_700_000_000_000)),
            ("@1700000000123", Position::Time(1_700_000_000_123)),
            ("@2023-11-14T22:13:20Z", Position::Time(1_700_000_000_000)),
            ("@-5m", Position::Time(1_699_999_700_000)),
        ] {
            assert_eq!(Position::parse(text, now).unwrap(), want, "{text}");
        }
        for bad in [
            "",
            "begin",
            "42",
            "-",
            "+x",
            "@",
            "@yesterday",
            "--5",
            "@-5",
            "@-9223372036854775807d",
            "-18446744073709551616",
        ] {
            assert!(Position::parse(bad, now).is_err(), "{bad}");
        }
    }
}
