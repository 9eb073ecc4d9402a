//! `trine queue stats NAME`.

use std::{
    thread,
    time::{Duration, Instant},
};

use clap::Args;
use serde_json::{Value, json};
use trine_server::config::{parse_duration, show_duration};

use super::path;
use crate::{
    args::Global,
    client::Client,
    commands::topic::size,
    failure::Failure,
    output::{self, plain},
};

#[derive(Args)]
pub(crate) struct Stats {
    /// The queue.
    name: String,
    /// How long to watch it: rates are what happens meanwhile.
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = parse_duration)]
    over: Duration,
}

impl Stats {
    pub(crate) fn run(self, global: &Global) -> Result<(), Failure> {
        let mut client = Client::new(&global.server)?;
        let mut look = || client.get(&path(&self.name, "")).map(|mut queue| (Instant::now(), queue["stats"].take()));
        let (begun, before) = look()?;
        thread::sleep(self.over);
        let (ended, mut stats) = look()?;
        let seconds = ended.duration_since(begun).as_secs_f64();
        let rate = |name: &str| (figure(&stats, name) - figure(&before, name)) / seconds.max(f64::MIN_POSITIVE);
        let (sends, done) = (rate("sent"), rate("acked"));
        let drain = time_to_drain(figure(&stats, "ready"), sends, done);
        stats["sends_per_second"] = json!((sends * 10.0).round() / 10.0);
        stats["acks_per_second"] = json!((done * 10.0).round() / 10.0);
        stats["time_to_drain"] = drain.into();
        output::object(global.output, &stats, || {
            output::pairs(&[
                ("ready", plain(&stats["ready"])),
                ("in flight", plain(&stats["in_flight"])),
                ("delayed", plain(&stats["delayed"])),
                ("moving", plain(&stats["moving"])),
                ("size", size(&stats["bytes"])),
                ("oldest", plain(&stats["oldest_age"])),
                ("sends/s", plain(&stats["sends_per_second"])),
                ("acks/s", plain(&stats["acks_per_second"])),
                ("time to drain", plain(&stats["time_to_drain"])),
                ("sent since start", plain(&stats["sent"])),
                ("received since start", plain(&stats["received"])),
                ("acked since start", plain(&stats["acked"])),
                ("expired since start", plain(&stats["expired"])),
                ("dead-lettered since start", plain(&stats["dead_lettered"])),
                ("waiting receives", plain(&stats["waiters"])),
            ])
        })
    }
}

fn figure(stats: &Value, name: &str) -> f64 {
    stats[name].as_str().and_then(|text| text.parse().ok()).unwrap_or(0.0)
}

/// How long what is ready takes at these rates.
fn time_to_drain(ready: f64, sends: f64, done: f64) -> String {
    if ready <= 0.0 {
        return "0".to_owned();
    }
    if done <= sends {
        return "never at this rate".to_owned();
    }
    let seconds = (ready / (done - sends)).ceil();
    show_duration(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draining_takes_what_is_left_over() {
        assert_eq!(time_to_drain(0.0, 5.0, 0.0), "0");
        assert_eq!(time_to_drain(100.0, 5.0, 5.0), "never at this rate");
        assert_eq!(time_to_drain(100.0, 5.0, 15.0), "10s");
    }
}
