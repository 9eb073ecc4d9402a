//! `trine bench topic`.

use std::{fs, io::IsTerminal, net::SocketAddr, path::PathBuf, time::Duration};

use clap::Args;
use trine_bench::{
    report::Table,
    topic::{self, Options, ReadOptions},
};
use trine_env::StdFs;
use trine_server::config::{parse_duration, parse_size};

use super::server::{Launch, Server};
use crate::failure::Failure;

/// Flags of `bench topic`.
#[derive(Args)]
pub(crate) struct Topic {
    /// Load this Kafka listener instead of a server of its own.
    #[arg(long, value_name = "HOST:PORT")]
    kafka: Option<SocketAddr>,
    /// With --kafka: the server's process, to measure its CPU time and memory.
    #[arg(long, value_name = "PID", requires = "kafka")]
    server_pid: Option<u32>,
    /// Directory for the server's data and for the bare group-commit loop; made and removed.
    #[arg(long, value_name = "DIR", default_value = "./trine-bench-data")]
    dir: PathBuf,
    /// Durability of the server: sync, interval:MS or memory.
    #[arg(long, value_name = "MODE", default_value = "sync", conflicts_with = "kafka")]
    durability: String,
    /// Sizes of records.
    #[arg(long, value_delimiter = ',', default_value = "100,1KiB,64KiB", value_parser = parse_size)]
    sizes: Vec<u64>,
    /// Numbers of connections.
    #[arg(long, value_delimiter = ',', default_value = "1,10,100,1000")]
    connections: Vec<usize>,
    /// Requests in flight on each connection.
    #[arg(long, value_delimiter = ',', default_value = "1,5")]
    in_flight: Vec<usize>,
    /// Records in one request.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    records: u32,
    /// Partitions; connections are spread over them.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    partitions: u32,
    /// Counted time of each row.
    #[arg(long, default_value = "5s", value_parser = parse_duration)]
    time: Duration,
    /// Leave out the bare TCP echo and the bare group-commit loop.
    #[arg(long)]
    no_compare: bool,
    /// Only measure reading.
    #[arg(long)]
    only_reading: bool,
    /// How much is written and read back, 0 to leave reading out.
    #[arg(long, default_value = "1GiB", value_parser = parse_size)]
    read: u64,
    /// Readers that follow the tail at the same time, each a group of its own.
    #[arg(long, default_value_t = 10)]
    followers: usize,
}

impl Topic {
    pub(crate) fn run(self) -> Result<(), Failure> {
        fs::create_dir_all(&self.dir)?;
        let result = self.measure();
        fs::remove_dir_all(&self.dir)?;
        result
    }

    fn measure(&self) -> Result<(), Failure> {
        let own = match self.kafka {
            Some(_) => None,
            None => Some(Server::start(&Launch {
                dir: &self.dir,
                durability: &self.durability,
                listen: &["kafka"],
                flags: &[],
                core: None,
            })?),
        };
        let address = match (self.kafka, &own) {
            (Some(address), _) => address,
            (None, Some(server)) => server.addr("kafka")?,
            (None, None) => return Err(Failure::failed("there is no server to load")),
        };
        let server_pid = self.server_pid.or_else(|| own.as_ref().map(Server::pid));
        if own.is_some() {
            println!(
                "durability = {}, {} partitions, {} record(s) a request, acks = all",
                self.durability, self.partitions, self.records
            );
        }
        if !self.only_reading {
            let options = Options {
                address,
                server_pid,
                sizes: self.sizes.iter().filter_map(|size| usize::try_from(*size).ok()).collect(),
                connections: self.connections.clone(),
                in_flight: self.in_flight.clone(),
                records: self.records,
                partitions: self.partitions,
                time: self.time,
                raw_dir: (!self.no_compare).then(|| self.dir.join("raw")),
                echo: !self.no_compare,
            };
            let live = std::io::stderr().is_terminal();
            let show = &mut |table: &Table| {
                if live {
                    eprintln!("{}", table.render().lines().last().unwrap_or_default());
                }
            };
            let table = topic::produce(&options, &StdFs::new(), show).map_err(|e| Failure::failed(e.to_string()))?;
            print!("{}", table.render());
        }
        if self.read > 0 {
            let options =
                ReadOptions { address, server_pid, bytes: self.read, followers: self.followers, time: self.time };
            let table = topic::consume(&options).map_err(|e| Failure::failed(e.to_string()))?;
            print!("\n{}", table.render());
        }
        Ok(())
    }
}
