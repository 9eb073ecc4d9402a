//! A server of our own to load: this binary, as a process of its own, so that its CPU time and memory can be told from the generator's.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::failure::Failure;

/// How long a start may take, recovery of what an earlier run left included.
const READY_MAX: Duration = Duration::from_secs(60);

/// A started server; dropping it stops it.
pub(crate) struct Server {
    child: Child,
    pub(crate) kafka: SocketAddr,
    /// From the start of the process to the ready file.
    pub(crate) ready_after: Duration,
}

impl Server {
    /// Starts `trine serve` on free ports, with its data below `dir`.
    pub(crate) fn start(dir: &Path, durability: &str) -> Result<Self, Failure> {
        let ready = dir.join("ready.json");
        let _ = fs::remove_file(&ready);
        let begun = Instant::now();
        let child = Command::new(std::env::current_exe()?)
            .arg("serve")
            .arg("--data")
            .arg(dir.join("data"))
            .arg("--ready-file")
            .arg(&ready)
            .args(["--durability", durability, "--listen", "kafka=127.0.0.1:0", "--listen", "admin=127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()?;
        // From here on an early return stops the process.
        let mut server = Self { child, kafka: SocketAddr::from(([127, 0, 0, 1], 0)), ready_after: Duration::ZERO };
        loop {
            if let Ok(text) = fs::read_to_string(&ready) {
                server.kafka = kafka_address(&text)?;
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

fn kafka_address(ready: &str) -> Result<SocketAddr, Failure> {
    let value: Value = serde_json::from_str(ready).map_err(|e| Failure::failed(format!("the ready file: {e}")))?;
    let address = value.pointer("/listeners/kafka/0").and_then(Value::as_str).and_then(|text| text.parse().ok());
    address.ok_or_else(|| Failure::failed("the ready file names no Kafka address"))
}
