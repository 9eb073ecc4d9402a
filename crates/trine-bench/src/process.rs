//! What a process used, from /proc.

use std::time::Duration;

/// CPU time and memory of a process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// User and system time since its start.
    pub cpu: Duration,
    /// Resident memory, bytes.
    pub rss: u64,
    /// Largest resident memory so far, bytes.
    pub rss_peak: u64,
}

/// Linux reports CPU time in hundredths of a second on every architecture Trine runs on (USER_HZ).
const TICK_MS: u64 = 10;

/// The usage of process `pid` now; `None` when there is no such process or no /proc.
#[must_use]
pub fn usage(pid: u32) -> Option<Usage> {
    let stat = read(pid, "stat")?;
    // The name in parentheses may have blanks: fields count from the last parenthesis. utime and stime are fields 14 and 15 of the line.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let status = read(pid, "status")?;
    let kib = |key: &str| -> Option<u64> {
        let line = status.lines().find(|line| line.starts_with(key))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    Some(Usage {
        cpu: Duration::from_millis((user + system) * TICK_MS),
        rss: kib("VmRSS:")? * 1024,
        rss_peak: kib("VmHWM:")? * 1024,
    })
}

/// Bytes that process `pid` has caused to be written to storage; `None` when there is no such process, no /proc, or it belongs to somebody else.
#[must_use]
pub fn written(pid: u32) -> Option<u64> {
    let io = read(pid, "io")?;
    io.lines().find_map(|line| line.strip_prefix("write_bytes: "))?.parse().ok()
}

fn read(pid: u32, file: &str) -> Option<String> {
    std::fs::read_to_string(format!("/proc/{pid}/{file}")).ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn this_process_uses_memory() {
        let used = super::usage(std::process::id()).unwrap();
        assert!(used.rss > 100_000 && used.rss_peak >= used.rss);
        assert!(super::usage(u32::MAX).is_none());
        assert!(super::written(std::process::id()).is_some());
        assert!(super::written(u32::MAX).is_none());
    }
}
