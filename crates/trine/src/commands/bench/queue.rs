//! `trine bench queue`.

use std::{
    fs, io,
    io::IsTerminal,
    net::SocketAddr,
    path::PathBuf,
    time::{Duration, Instant},
};

use clap::{Args, ValueEnum};
use trine_bench::{
    process,
    queue::{self, Options, Row, backlog, many, polls},
};
use trine_env::StdFs;
use trine_server::config::{parse_duration, parse_size};

use super::server::{Launch, Server};
use crate::failure::Failure;

/// What to look at.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// Send, receive, delete.
    Cycles,
    /// Messages that wait: memory, receive latency beside them, restart.
    Backlog,
    /// Many queues: create, list, use some, restart.
    Many,
    /// Many receivers that wait.
    Polls,
}

/// Flags of `bench queue`.
#[derive(Args)]
pub(crate) struct Queue {
    /// Load this AWS listener instead of a server of its own.
    #[arg(long, value_name = "HOST:PORT")]
    aws: Option<SocketAddr>,
    /// With --aws: the server's process, to measure its CPU time and memory.
    #[arg(long, value_name = "PID", requires = "aws")]
    server_pid: Option<u32>,
    /// Directory for the server's data and for the bare loop; made and removed.
    #[arg(long, value_name = "DIR", default_value = "./trine-bench-data")]
    dir: PathBuf,
    /// Durability of the server: sync, interval:MS or memory.
    #[arg(long, value_name = "MODE", default_value = "sync", conflicts_with = "aws")]
    durability: String,
    /// What to look at.
    #[arg(long, default_value = "cycles")]
    scenario: Scenario,
    /// Numbers of connections.
    #[arg(long, value_delimiter = ',', default_value = "1,10,100")]
    connections: Vec<usize>,
    /// Messages in one request.
    #[arg(long, value_delimiter = ',', default_value = "1,10", value_parser = clap::value_parser!(u64).range(1..=10))]
    batch: Vec<u64>,
    /// Size of a message's body.
    #[arg(long, default_value = "1KiB", value_parser = parse_size)]
    size: u64,
    /// Counted time of each row; for `polls` how long they only wait.
    #[arg(long, default_value = "5s", value_parser = parse_duration)]
    time: Duration,
    /// Leave out the bare loop of HTTP and group commit.
    #[arg(long)]
    no_compare: bool,
    /// Messages of `backlog`, queues of `many`, receivers of `polls`.
    #[arg(long)]
    count: Option<usize>,
    /// Queues that the receivers of `polls` are spread over.
    #[arg(long, default_value_t = 1)]
    queues: usize,
    /// Messages sent one by one to the receivers of `polls`.
    #[arg(long, default_value_t = 10_000)]
    sends: usize,
    /// Prints each row of `cycles` as a line of JSON as well.
    #[arg(long)]
    json: bool,
}

/// Senders that fill a backlog.
const SENDERS: usize = 100;

impl Queue {
    pub(crate) fn run(self) -> Result<(), Failure> {
        // This process needs as many sockets as the server.
        trine_net::raise_open_files();
        fs::create_dir_all(&self.dir)?;
        let result = self.measure();
        fs::remove_dir_all(&self.dir)?;
        result
    }

    fn launch(&self) -> Launch<'_> {
        Launch { dir: &self.dir, durability: &self.durability, listen: &["aws"], flags: &[], core: None }
    }

    fn measure(&self) -> Result<(), Failure> {
        let own = match self.aws {
            Some(_) => None,
            None => Some(Server::start(&self.launch())?),
        };
        let address = match (self.aws, &own) {
            (Some(address), _) => address,
            (None, Some(server)) => server.addr("aws")?,
            (None, None) => return Err(Failure::failed("there is no server to load")),
        };
        let pid = self.server_pid.or_else(|| own.as_ref().map(Server::pid));
        if own.is_some() {
            println!("durability = {}, messages of {} bytes", self.durability, self.size);
        }
        match self.scenario {
            Scenario::Cycles => self.cycles(address, pid),
            Scenario::Backlog => self.backlog(address, pid)?.restarts(own, &self.launch(), |_| Ok(())),
            Scenario::Many => self.many(address, pid)?.restarts(own, &self.launch(), |address| {
                let used = many::touch(address, self.count.unwrap_or(MANY), self.count.unwrap_or(MANY) / 100)?;
                println!("  used 1 % of them after the restart: {:.1} ms", millis(used));
                Ok(())
            }),
            Scenario::Polls => self.polls(address, pid),
        }
    }

    fn payload(&self) -> usize {
        usize::try_from(self.size).unwrap_or(usize::MAX)
    }

    fn cycles(&self, address: SocketAddr, server_pid: Option<u32>) -> Result<(), Failure> {
        let options = Options {
            address,
            server_pid,
            connections: self.connections.clone(),
            batches: self.batch.iter().filter_map(|batch| usize::try_from(*batch).ok()).collect(),
            payload: self.payload(),
            time: self.time,
            raw_dir: (!self.no_compare).then(|| self.dir.join("raw")),
        };
        let live = io::stderr().is_terminal();
        let mut show = |row: &Row| {
            if live {
                eprintln!("{}", queue::table(std::slice::from_ref(row)).render().lines().last().unwrap_or_default());
            }
            if self.json {
                println!("{}", json(row));
            }
        };
        let rows = queue::measure(&options, &StdFs::new(), &mut show).map_err(failed)?;
        print!("{}", queue::table(&rows).render());
        Ok(())
    }

    fn backlog(&self, address: SocketAddr, pid: Option<u32>) -> Result<Restarts, Failure> {
        let messages = self.count.unwrap_or(10_000_000) as u64;
        let url = queue::create(address, queue::QUEUE).map_err(failed)?;
        let idle = rss(pid);
        let one = |what: &str| -> Result<(), Failure> {
            let outcome = backlog::one_worker(address, &url, self.payload(), self.time).map_err(failed)?;
            println!(
                "{what}: receive p50 {:.2} ms, p99 {:.2} ms; {:.0} cycles/s of one worker; RSS {}",
                outcome.receive.quantile_ms(0.5),
                outcome.receive.quantile_ms(0.99),
                outcome.per_second(),
                mib(rss(pid))
            );
            Ok(())
        };
        one("empty queue")?;
        let live = io::stderr().is_terminal();
        let progress = |sent: u64| {
            if live {
                eprint!("\r{sent} of {messages} sent ");
            }
        };
        let took = backlog::fill(address, &url, messages, self.payload(), SENDERS, &progress).map_err(failed)?;
        println!(
            "{messages} messages sent by {SENDERS} senders in {:.1} s: {:.0}/s; RSS {} ({} above idle)",
            took.as_secs_f64(),
            messages as f64 / took.as_secs_f64(),
            mib(rss(pid)),
            mib(rss(pid).saturating_sub(idle))
        );
        one("with these waiting, while the log is copied")?;
        if let Some(quiet) = pid.and_then(settle) {
            println!("the server's disk was quiet {:.1} s later", quiet.as_secs_f64());
            one("with these waiting, the disk quiet")?;
        }
        Ok(Restarts)
    }

    fn many(&self, address: SocketAddr, pid: Option<u32>) -> Result<Restarts, Failure> {
        let count = self.count.unwrap_or(MANY);
        let idle = rss(pid);
        let created = many::create(address, count).map_err(failed)?;
        let full = rss(pid);
        println!(
            "{count} queues created in {:.1} s; {} bytes each; RSS {}",
            created.as_secs_f64(),
            full.saturating_sub(idle) / count.max(1) as u64,
            mib(full)
        );
        let (listed, found) = many::list(address).map_err(failed)?;
        println!("{found} listed by pages of 1000 in {:.1} ms", millis(listed));
        let used = many::touch(address, count, count / 100).map_err(failed)?;
        println!("send, receive and delete in 1 % of them: {:.1} ms; RSS {}", millis(used), mib(rss(pid)));
        Ok(Restarts)
    }

    fn polls(&self, address: SocketAddr, pid: Option<u32>) -> Result<(), Failure> {
        let waiters = self.count.unwrap_or(10_000);
        let mut urls = Vec::new();
        for n in 0..self.queues {
            urls.push(queue::create(address, &many::name(n)).map_err(failed)?);
        }
        let mut last = None;
        let mut idle = || {
            let usage = pid.and_then(process::usage);
            if let (Some(now), Some(before)) = (&usage, &last) {
                let before: &process::Usage = before;
                println!(
                    "{waiters} receivers wait: {:.2} % of a core over {:.0} s; RSS {}",
                    100.0 * (now.cpu.saturating_sub(before.cpu)).as_secs_f64() / self.time.as_secs_f64(),
                    self.time.as_secs_f64(),
                    mib(now.rss)
                );
            }
            last = usage;
        };
        let outcome = polls::run(address, &urls, waiters, self.time, self.sends, &mut idle).map_err(failed)?;
        println!(
            "{} sends, one by one, {} received: send to receiver p50 {:.2} ms, p99 {:.2} ms; a receiver got {} to {}",
            self.sends,
            outcome.received,
            outcome.latency.quantile_ms(0.5),
            outcome.latency.quantile_ms(0.99),
            outcome.fewest,
            outcome.most
        );
        Ok(())
    }
}

/// How long a server's disk must have been quiet.
const QUIET: Duration = Duration::from_secs(2);
/// The longest wait for that.
const SETTLE_MAX: Duration = Duration::from_secs(300);

/// Waits until a server that nobody loads writes nothing any more, and says how long that took; `None` when it cannot be known or does not happen.
fn settle(pid: u32) -> Option<Duration> {
    let begun = Instant::now();
    let (mut last, mut since) = (process::written(pid)?, begun);
    while begun.elapsed() < SETTLE_MAX {
        std::thread::sleep(Duration::from_millis(100));
        let now = process::written(pid)?;
        if now != last {
            (last, since) = (now, Instant::now());
        } else if since.elapsed() >= QUIET {
            return Some(since - begun);
        }
    }
    None
}

/// Queues of `many`.
const MANY: usize = 100_000;

/// Something is in the directory that a restart has to read.
struct Restarts;

impl Restarts {
    /// Stops and kills a server of our own, and says how long it takes to be ready again.
    fn restarts(
        self,
        own: Option<Server>,
        launch: &Launch<'_>,
        again: impl FnOnce(SocketAddr) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let Some(mut server) = own else { return Ok(()) };
        server.stop()?;
        let server = Server::start(launch)?;
        println!(
            "ready after a clean stop: {:.1} ms; RSS {}",
            millis(server.ready_after),
            mib(rss(Some(server.pid())))
        );
        drop(server);
        let server = Server::start(launch)?;
        println!("ready after a kill: {:.1} ms; RSS {}", millis(server.ready_after), mib(rss(Some(server.pid()))));
        again(server.addr("aws")?).map_err(failed)
    }
}

fn failed(error: io::Error) -> Failure {
    Failure::failed(error.to_string())
}

fn rss(pid: Option<u32>) -> u64 {
    pid.and_then(process::usage).map_or(0, |usage| usage.rss)
}

fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn json(row: &Row) -> serde_json::Value {
    let outcome = &row.outcome;
    serde_json::json!({
        "batch": row.batch,
        "connections": row.connections,
        "messages_per_s": outcome.per_second(),
        "cycle_p50_ms": outcome.cycle.quantile_ms(0.5),
        "cycle_p99_ms": outcome.cycle.quantile_ms(0.99),
        "server_cpu_s": row.server.map(|(cpu, _)| cpu.as_secs_f64()),
        "bare_messages_per_s": row.bare.as_ref().map(queue::cycles::Outcome::per_second),
    })
}
