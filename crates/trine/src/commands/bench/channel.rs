//! `trine bench channel`.

use std::{
    fs, io,
    io::{BufRead, BufReader, IsTerminal},
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use clap::{Args, ValueEnum};
use trine_bench::channel::{
    self, Options, Row, Speaks,
    fan_out::{self, Load, Outcome},
    others, send_loop,
};
use trine_server::config::{parse_duration, parse_size};

use super::{
    pin,
    server::{Launch, Server},
};
use crate::failure::Failure;

/// What to look at.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// One publisher, many subscribers of one channel.
    FanOut,
    /// A publish with one subscriber while there are many other channels, and what a channel takes.
    Others,
    /// What an idle subscriber takes.
    Idle,
    /// Subscribers at full speed while another one has stopped reading.
    Stalled,
}

/// Flags of `bench channel`.
#[derive(Args)]
pub(crate) struct Channel {
    /// Load this Redis listener instead of a server of its own.
    #[arg(long, value_name = "HOST:PORT")]
    redis: Option<SocketAddr>,
    /// Load this NATS server instead of a server of its own.
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "redis")]
    nats: Option<SocketAddr>,
    /// With --redis or --nats: the server's process, to measure its CPU time and memory.
    #[arg(long, value_name = "PID")]
    server_pid: Option<u32>,
    /// Keep the server on the first core and the load on the second.
    #[arg(long, value_name = "SERVER,LOAD", value_delimiter = ',')]
    pin: Option<Vec<usize>>,
    /// Directory for the server's data; made and removed.
    #[arg(long, value_name = "DIR", default_value = "./trine-bench-data")]
    dir: PathBuf,
    /// What to look at.
    #[arg(long, default_value = "fan-out")]
    scenario: Scenario,
    /// Numbers of subscribers.
    #[arg(long, value_delimiter = ',', default_value = "1,100,10000")]
    subscribers: Vec<usize>,
    /// Publishes written at once.
    #[arg(long, value_delimiter = ',', default_value = "1,16,128")]
    batch: Vec<usize>,
    /// Sizes of messages.
    #[arg(long, value_delimiter = ',', default_value = "64,4KiB", value_parser = parse_size)]
    sizes: Vec<u64>,
    /// Counted time of each row.
    #[arg(long, default_value = "5s", value_parser = parse_duration)]
    time: Duration,
    /// Leave out the bare send loop.
    #[arg(long)]
    no_compare: bool,
    /// For `others` and `idle`: how many of them.
    #[arg(long, default_value_t = 100_000)]
    count: usize,
    /// Flags for the server of its own, for example --server-flag=--redis-workers=1.
    #[arg(long, value_name = "FLAG", conflicts_with_all = ["redis", "nats"])]
    server_flag: Vec<String>,
    /// Prints each row as a line of JSON as well.
    #[arg(long)]
    json: bool,
    /// Be the bare send loop for SUBSCRIBERS,BATCH,BYTES: what this command starts beside itself.
    #[arg(long, value_delimiter = ',', hide = true)]
    send_loop: Option<Vec<usize>>,
}

/// A started server, or the one that was named.
struct Target {
    address: SocketAddr,
    speaks: Speaks,
    pid: Option<u32>,
    _own: Option<Server>,
}

impl Channel {
    pub(crate) fn run(self) -> Result<(), Failure> {
        if let Some([subscribers, batch, bytes]) = self.send_loop.as_deref() {
            return be_send_loop(*subscribers, *batch, *bytes);
        }
        if self.pin.as_ref().is_some_and(|cores| cores.len() != 2) {
            return Err(Failure::usage("--pin wants two cores: SERVER,LOAD"));
        }
        // This process needs as many sockets as the server.
        trine_net::raise_open_files();
        fs::create_dir_all(&self.dir)?;
        let result = self.measure();
        fs::remove_dir_all(&self.dir)?;
        result
    }

    fn cores(&self) -> (Option<usize>, Option<usize>) {
        let core = |n: usize| self.pin.as_ref().and_then(|cores| cores.get(n).copied());
        (core(0), core(1))
    }

    fn target(&self) -> Result<Target, Failure> {
        if let Some(address) = self.redis.or(self.nats) {
            let speaks = if self.nats.is_some() { Speaks::Nats } else { Speaks::Redis };
            return Ok(Target { address, speaks, pid: self.server_pid, _own: None });
        }
        let server = Server::start(&Launch {
            dir: &self.dir,
            durability: "memory",
            listen: &["redis"],
            flags: &self.server_flag,
            core: self.cores().0,
        })?;
        Ok(Target {
            address: server.addr("redis")?,
            speaks: Speaks::Redis,
            pid: Some(server.pid()),
            _own: Some(server),
        })
    }

    fn measure(&self) -> Result<(), Failure> {
        let target = self.target()?;
        let done = pin::on(self.cores().1, || match self.scenario {
            Scenario::FanOut => self.fan_out(&target),
            Scenario::Others => self.others(&target),
            Scenario::Idle => self.idle(&target),
            Scenario::Stalled => self.stalled(&target),
        })?;
        done.map_err(|error| Failure::failed(error.to_string()))
    }

    fn fan_out(&self, target: &Target) -> io::Result<()> {
        let options = Options {
            address: target.address,
            speaks: target.speaks,
            server_pid: target.pid,
            subscribers: self.subscribers.clone(),
            batches: self.batch.clone(),
            sizes: self.sizes.iter().filter_map(|size| usize::try_from(*size).ok()).collect(),
            time: self.time,
        };
        let mut bare = |load: &Load| if self.no_compare { Ok(None) } else { self.bare(load).map(Some) };
        let live = io::stderr().is_terminal();
        let mut show = |row: &Row| {
            if live {
                eprintln!("{}", channel::table(std::slice::from_ref(row)).render().lines().last().unwrap_or_default());
            }
            if self.json {
                println!("{}", json(row));
            }
        };
        let rows = channel::measure(&options, &mut bare, &mut show)?;
        print!("{}", channel::table(&rows).render());
        Ok(())
    }

    /// The same load against a bare send loop in a process of its own, where the server was.
    fn bare(&self, load: &Load) -> io::Result<Outcome> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["bench", "channel", "--send-loop"])
            .arg(format!("{},{},{}", load.subscribers, load.batch, load.payload))
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut child =
            pin::on(self.cores().0, || command.spawn()).map_err(|_| io::Error::other("cannot pin the send loop"))??;
        let result = (|| {
            let stdout = child.stdout.take().ok_or_else(|| io::Error::other("the send loop has no output"))?;
            let mut line = String::new();
            BufReader::new(stdout).read_line(&mut line)?;
            let address = line.trim().parse().map_err(io::Error::other)?;
            fan_out::run(address, Speaks::Redis, load)
        })();
        let _ = child.kill();
        child.wait()?;
        result
    }

    fn others(&self, target: &Target) -> io::Result<()> {
        let say = |channels: usize, outcome: &Outcome, rss: u64| {
            println!(
                "{channels} other channels: {:.0} publishes/s to one subscriber, p50 {:.3} ms, p99 {:.3} ms, RSS {:.1} MiB",
                outcome.published as f64 / outcome.time.as_secs_f64(),
                outcome.latency.quantile_ms(0.5),
                outcome.latency.quantile_ms(0.99),
                rss as f64 / f64::from(1 << 20)
            );
        };
        let alone = others::one_to_one(target.address, self.time)?;
        let before = others::memory(target.pid);
        say(0, &alone, before);
        let held = others::subscribe(target.address, self.count)?;
        let after = others::memory(target.pid);
        let beside = others::one_to_one(target.address, self.time)?;
        say(self.count, &beside, after);
        drop(held);
        let rate = |outcome: &Outcome| outcome.published as f64 / outcome.time.as_secs_f64();
        println!(
            "a publish costs {:.0} % of what it costs alone; {} bytes a channel",
            100.0 * rate(&alone) / rate(&beside),
            after.saturating_sub(before) / self.count.max(1) as u64
        );
        Ok(())
    }

    fn idle(&self, target: &Target) -> io::Result<()> {
        let before = others::memory(target.pid);
        let held = others::idle(target.address, self.count)?;
        let after = others::memory(target.pid);
        drop(held);
        println!(
            "{} idle subscribers: {} bytes each",
            self.count,
            after.saturating_sub(before) / self.count.max(1) as u64
        );
        Ok(())
    }

    /// The load runs at half the speed that is possible, so that its latency says something.
    fn stalled(&self, target: &Target) -> io::Result<()> {
        let subscribers = 100;
        for bytes in self.sizes.iter().filter_map(|size| usize::try_from(*size).ok()) {
            let full = Load {
                subscribers,
                batch: 16,
                payload: bytes,
                warm_up: Duration::from_millis(500),
                time: self.time,
                rate: None,
                stalled: 0,
            };
            let possible = fan_out::run(target.address, target.speaks, &full)?;
            let batches = possible.published as f64 / possible.time.as_secs_f64() / full.batch as f64;
            let paced = Load { rate: Some(batches / 2.0), ..full };
            let without = fan_out::run(target.address, target.speaks, &paced)?;
            let with = fan_out::run(target.address, target.speaks, &Load { stalled: 1, ..paced })?;
            let (a, b) = (without.latency.quantile_ms(0.99), with.latency.quantile_ms(0.99));
            println!(
                "{bytes} B, {subscribers} subscribers, {:.0} publishes/s: p99 {a:.3} ms without, {b:.3} ms with one that does not read: {:.0} %",
                batches / 2.0 * full.batch as f64,
                100.0 * b / a.max(f64::MIN_POSITIVE)
            );
        }
        println!("RSS {:.1} MiB", others::memory(target.pid) as f64 / f64::from(1 << 20));
        Ok(())
    }
}

fn json(row: &Row) -> serde_json::Value {
    let outcome = &row.outcome;
    serde_json::json!({
        "bytes": row.payload,
        "subscribers": row.subscribers,
        "batch": row.batch,
        "deliveries_per_s": row.per_second(),
        "p50_ms": outcome.latency.quantile_ms(0.5),
        "p99_ms": outcome.latency.quantile_ms(0.99),
        "server_cpu_s": row.server.map(|(cpu, _)| cpu.as_secs_f64()),
        "deliveries": outcome.deliveries,
        "seconds": outcome.time.as_secs_f64(),
        "bare_deliveries_per_s": row.bare.as_ref().map(|bare| bare.deliveries as f64 / bare.time.as_secs_f64()),
    })
}

fn be_send_loop(subscribers: usize, batch: usize, bytes: usize) -> Result<(), Failure> {
    trine_net::raise_open_files();
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    Ok(send_loop::serve(&listener, subscribers, batch, bytes)?)
}
