//! CPU time of the process, as the kernel counts it.

use std::fmt::{self, Display};

/// Ticks of a second in /proc: fixed on every Linux that programs can run on.
const TICKS_PER_SECOND: u64 = 100;
/// Microseconds of a tick.
const TICK_US: u64 = 1_000_000 / TICKS_PER_SECOND;

/// CPU time in ticks of 10 ms; all zero where the system does not tell. There are no child processes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct CpuTime {
    pub(super) user: Ticks,
    pub(super) system: Ticks,
}

/// Shown as seconds with six digits, as Redis does.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct Ticks(u64);

impl Display for Ticks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / TICKS_PER_SECOND, self.0 % TICKS_PER_SECOND * TICK_US)
    }
}

impl CpuTime {
    /// What the process has used until now.
    pub(super) fn now() -> Self {
        std::fs::read_to_string("/proc/self/stat").ok().and_then(|stat| Self::parse(&stat)).unwrap_or_default()
    }

    /// From the text of /proc/PID/stat: the process's name, in parentheses, can hold anything; utime and stime are the 12th and 13th field after it.
    fn parse(stat: &str) -> Option<Self> {
        let (_, fields) = stat.rsplit_once(')')?;
        let mut fields = fields.split_ascii_whitespace().skip(11).map(|field| field.parse().ok());
        Some(Self { user: Ticks(fields.next()??), system: Ticks(fields.next()??) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_whatever_the_name() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194560 900 0 3 0 1234 56 8 9 20 0 5 0 100 200 300 1";
        let time = CpuTime::parse(stat).unwrap();
        assert_eq!((time.user.to_string(), time.system.to_string()), ("12.340000".to_owned(), "0.560000".to_owned()));
        assert_eq!((CpuTime::parse("7 (x) S 1"), CpuTime::parse("")), (None, None));
    }
}
