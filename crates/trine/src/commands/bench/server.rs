//! A server of our own to load: this binary, as a process of its own, so that its CPU time and memory can be told from the generator's.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use super::pin;
use crate::failure::Failure;

/// Every listener a server can open besides the admin port.
const LISTENERS: [&str; 3] = ["kafka", "aws", "redis"];

/// How long a start may take, recovery of what an earlier run left included.
const READY_MAX: Duration = Duration::from_secs(60);

/// Connections that a server under load takes; the files that it keeps for itself come on top, and fit into a limit of 20 000.
const CONNECTIONS_MAX: usize = 15_000;

/// How to start one.
pub(crate) struct Launch<'a> {
    /// Its data lies below this directory.
    pub(crate) dir: &'a Path,
    /// `sync`, `interval:MS` or `memory`.
    pub(crate) durability: &'a str,
    /// Listeners to open, each on a free port.
    pub(crate) listen: &'a [&'a str],
    /// Further flags.
    pub(crate) flags: &'a [String],
    /// The core it has to stay on.
    pub(crate) core: Option<usize>,
}

/// A started server; dropping it stops it.
pub(crate) struct Server {
    child: Child,
    listeners: Value,
    /// From the start of the process to the ready file.
    pub(crate) ready_after: Duration,
}

impl Server {
    /// Starts `trine serve` on free ports.
    pub(crate) fn start(launch: &Launch<'_>) -> Result<Self, Failure> {
        let ready = launch.dir.join("ready.json");
        let _ = fs::remove_file(&ready);
        let begun = Instant::now();
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("serve").arg("--data").arg(launch.dir.join("data")).arg("--ready-file").arg(&ready);
        command.args(["--durability", launch.durability, "--listen", "admin=127.0.0.1:0"]);
        for kind in LISTENERS {
            let at = if launch.listen.contains(&kind) { "127.0.0.1:0" } else { "off" };
            command.arg("--listen").arg(format!("{kind}={at}"));
        }
        // The default is 10 000: as many waiting receivers would leave no connection for whoever sends to them.
        command.env("TRINE_LIMITS__CONNECTIONS", CONNECTIONS_MAX.to_string());
        command.args(launch.flags).stdin(Stdio::null()).stdout(Stdio::null());
        let child = pin::on(launch.core, || command.spawn())??;
        // From here on an early return stops the process.
        let mut server = Self { child, listeners: Value::Null, ready_after: Duration::ZERO };
        loop {
            if let Ok(text) = fs::read_to_string(&ready) {
                server.listeners =
                    serde_json::from_str(&text).map_err(|e| Failure::failed(format!("the ready file: {e}")))?;
                server.ready_after = begun.elapsed();
                return Ok(server);
            }
            if let Some(status) = server.child.try_wait()? {
                return Err(Failure::failed(format!("the server ended before it was ready ({status})")));
            }
            if begun.elapsed() > READY_MAX {
                return Err(Failure::failed(format!("the server was not ready within {READY_MAX:?}")));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// The address of one of its listeners.
    pub(crate) fn addr(&self, kind: &str) -> Result<SocketAddr, Failure> {
        let address = self.listeners.pointer(&format!("/listeners/{kind}/0")).and_then(Value::as_str);
        let address = address.and_then(|text| text.parse().ok());
        address.ok_or_else(|| Failure::failed(format!("the ready file names no {kind} address")))
    }

    /// Stops it cleanly and waits for its end.
    pub(crate) fn stop(&mut self) -> Result<(), Failure> {
        let pid = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        let pid = pid.ok_or_else(|| Failure::failed("the server has no process id"))?;
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).map_err(std::io::Error::from)?;
        match self.child.wait()? {
            status if status.success() => Ok(()),
            status => Err(Failure::failed(format!("the server did not stop cleanly ({status})"))),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
