//! `trine serve` and `trine dev`.

use std::{
    io::{self, IsTerminal},
    path::PathBuf,
};

use clap::Args;
use tracing_subscriber::EnvFilter;
use trine_server::config::{Config, Loader, LogFormat, Profile};

use crate::failure::Failure;

/// Flags of both; each is a setting of the configuration as well, and wins over file and environment.
#[derive(Args)]
pub(crate) struct Common {
    /// Configuration file (TOML).
    #[arg(long, env = "TRINE_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where a protocol listens, or that it does not; repeatable. Port 0 takes a free port.
    #[arg(long, value_name = "KIND=HOST:PORT|off")]
    pub(crate) listen: Vec<String>,
    /// What clients of a protocol are told to connect to: kafka, or redis for cluster clients.
    #[arg(long, value_name = "KIND=HOST:PORT")]
    pub(crate) advertise: Vec<String>,
    /// Added to every default port.
    #[arg(long, value_name = "N")]
    pub(crate) port_offset: Option<String>,
    /// Allow addresses other than loopback without authentication.
    #[arg(long)]
    pub(crate) insecure: bool,
    /// Write the real addresses to this file, as JSON, once ready.
    #[arg(long, value_name = "FILE")]
    pub(crate) ready_file: Option<String>,
    /// How long a stop waits for clients.
    #[arg(long, value_name = "DURATION")]
    pub(crate) drain_timeout: Option<String>,
    /// Which log lines are shown: error, warn, info, debug, trace, or by module.
    #[arg(long, value_name = "FILTER")]
    pub(crate) log: Option<String>,
}

/// Flags of `serve`.
#[derive(Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Directory that keeps all messages.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<String>,
    /// When a record counts as kept: sync, interval:MS or memory.
    #[arg(long, value_name = "MODE")]
    pub(crate) durability: Option<String>,
}

/// Flags of `dev`.
#[derive(Args)]
pub(crate) struct Dev {
    #[command(flatten)]
    pub(crate) common: Common,
}

impl Common {
    fn load(&self, profile: Profile) -> Loader {
        let mut loader = Loader::new(profile);
        if let Some(path) = &self.config {
            loader = loader.file(path);
        }
        loader = loader.env(std::env::vars());
        for text in &self.listen {
            loader = loader.listen_flag(text);
        }
        for text in &self.advertise {
            loader = loader.advertise_flag(text);
        }
        for (flag, key, value) in [
            ("--port-offset", "port_offset", &self.port_offset),
            ("--ready-file", "ready_file", &self.ready_file),
            ("--drain-timeout", "drain_timeout", &self.drain_timeout),
            ("--log", "log.level", &self.log),
        ] {
            if let Some(value) = value {
                loader = loader.flag(flag, key, value.clone());
            }
        }
        if self.insecure {
            loader = loader.flag("--insecure", "insecure", "true");
        }
        loader
    }
}

impl Serve {
    /// The configuration these flags ask for.
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        let mut loader = self.common.load(Profile::Serve);
        if let Some(data) = &self.data {
            loader = loader.flag("--data", "data", data.clone());
        }
        if let Some(durability) = &self.durability {
            loader = loader.flag("--durability", "durability", durability.clone());
        }
        loader.build().map_err(|e| Failure::usage(format!("the configuration is not right\n{e}")))
    }

    pub(crate) fn run(self) -> Result<(), Failure> {
        run(self.config()?)
    }
}

impl Dev {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let loader = self.common.load(Profile::Dev);
        run(loader.build().map_err(|e| Failure::usage(format!("the configuration is not right\n{e}")))?)
    }
}

fn run(config: Config) -> Result<(), Failure> {
    small_pages();
    logs(&config)?;
    trine_server::run(config).map_err(|e| Failure::failed(e.to_string()))
}

/// The allocator asks for huge pages, in which everything that is allocated is resident although half of every idle connection's buffers was never touched:
/// a waiting receive took 34 KiB with them. Where the kernel does not know the call, nothing is lost but memory.
fn small_pages() {
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

/// Logs go to standard error.
fn logs(config: &Config) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&config.log_level)
        .map_err(|e| Failure::usage(format!("log.level: {:?} is no filter: {e}", config.log_level)))?;
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match config.log_format {
        LogFormat::Text => logs.with_ansi(io::stderr().is_terminal()).init(),
        LogFormat::Json => logs.json().init(),
    }
    Ok(())
}
