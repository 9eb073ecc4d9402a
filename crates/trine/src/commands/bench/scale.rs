//! `trine bench scale`: many partitions and many connections, on a server of its own that is restarted in between.

use std::{fs, path::PathBuf, time::Duration};

use clap::Args;
use trine_bench::{process, scale};

use super::server::{Launch, Server};
use crate::failure::Failure;

/// Flags of `bench scale`.
#[derive(Args)]
pub(crate) struct Scale {
    /// Directory for the server's data; made and removed.
    #[arg(long, value_name = "DIR", default_value = "./trine-bench-data")]
    dir: PathBuf,
    /// Topics.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    topics: u32,
    /// Partitions of each.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    partitions: u32,
    /// Partitions that are written to.
    #[arg(long, default_value_t = 1000)]
    touch: u32,
    /// Connections that are opened and kept idle.
    #[arg(long, default_value_t = 10_000)]
    connections: usize,
}

impl Scale {
    pub(crate) fn run(self) -> Result<(), Failure> {
        // This process needs as many sockets as the server.
        trine_net::raise_open_files();
        fs::create_dir_all(&self.dir)?;
        let result = self.measure();
        fs::remove_dir_all(&self.dir)?;
        result
    }

    fn measure(&self) -> Result<(), Failure> {
        let launch = Launch { dir: &self.dir, durability: "sync", listen: &["kafka"], flags: &[], core: None };
        let mut server = Server::start(&launch)?;
        let kafka = server.addr("kafka")?;
        let all = u64::from(self.topics) * u64::from(self.partitions);
        let idle = memory(&server);
        say("started", server.ready_after, idle);
        let created = scale::create(kafka, self.topics, self.partitions)?;
        let full = memory(&server);
        say(&format!("{} topics with {all} partitions created", self.topics), created, full);
        println!("  {} bytes a partition", full.saturating_sub(idle) / all);
        let (listed, bytes) = scale::list(kafka)?;
        say(&format!("all listed, {} KiB", bytes >> 10), listed, memory(&server));
        let (listed, _) = scale::list(kafka)?;
        say("all listed again", listed, memory(&server));
        let touched = scale::touch(kafka, self.topics, self.partitions, self.touch)?;
        say(&format!("a record written to {} of them", self.touch), touched, memory(&server));
        server.stop()?;
        server = Server::start(&launch)?;

        say("started again after a clean stop", server.ready_after, memory(&server));
        drop(server);
        let server = Server::start(&launch)?;
        let kafka = server.addr("kafka")?;
        say("started again after a kill", server.ready_after, memory(&server));
        let before = memory(&server);
        let begun = std::time::Instant::now();
        let connections = scale::connect(kafka, self.connections)?;
        let after = memory(&server);
        say(&format!("{} connections opened", connections.len()), begun.elapsed(), after);
        println!("  {} bytes a connection", after.saturating_sub(before) / (connections.len().max(1) as u64));
        let touched = scale::touch(kafka, self.topics, self.partitions, self.touch)?;
        say(&format!("a record written to {} partitions beside them", self.touch), touched, memory(&server));
        Ok(())
    }
}

fn memory(server: &Server) -> u64 {
    process::usage(server.pid()).map_or(0, |usage| usage.rss)
}

fn say(what: &str, took: Duration, rss: u64) {
    println!("{what}: {:.1} ms, RSS {:.1} MiB", took.as_secs_f64() * 1000.0, rss as f64 / f64::from(1 << 20));
}
