//! `trine status`.

use serde_json::Value;
use trine_server::config::show_size;

use crate::{
    args::Global,
    client::Client,
    failure::Failure,
    output::{self, plain},
};

/// Prints what the server says about itself.
pub(crate) fn run(global: &Global) -> Result<(), Failure> {
    let status = Client::new(&global.server)?.get("/v1/status")?;
    output::object(global.output, &status, || lines(&status))
}

fn lines(status: &Value) -> String {
    let size = |value: &Value| value.as_str().and_then(|v| v.parse().ok()).map_or_else(|| "-".to_owned(), show_size);
    let mut pairs = vec![
        ("version", plain(&status["version"])),
        ("ready", plain(&status["ready"])),
        ("up", format!("{} s", plain(&status["uptime_seconds"]))),
        ("data", status["data"].as_str().unwrap_or("MEMORY").to_owned()),
        ("durability", plain(&status["durability"])),
    ];
    if let Some(listeners) = status["listeners"].as_object() {
        for (kind, listener) in listeners {
            let addresses: Vec<String> =
                listener["addresses"].as_array().map(|a| a.iter().map(plain).collect()).unwrap_or_default();
            pairs.push((kind, format!("{} ({} connections)", addresses.join(", "), plain(&listener["connections"]))));
        }
    }
    pairs.extend([
        ("topics", format!("{} with {} partitions", plain(&status["topics"]), plain(&status["partitions"]))),
        ("groups", plain(&status["groups"])),
        (
            "appended",
            format!("{} records, {}", plain(&status["appended"]["records"]), size(&status["appended"]["bytes"])),
        ),
        ("fetched", size(&status["fetched"]["bytes"])),
        ("log", size(&status["store"]["wal_bytes"])),
        ("segments", size(&status["store"]["segment_bytes"])),
        ("memory", size(&status["resident_bytes"])),
    ]);
    output::pairs(&pairs)
}
