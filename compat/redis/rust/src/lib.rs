//! What the tests share: addresses, unique names, and waiting for something that must happen.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// How long something that must happen may take.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// `redis://HOST:PORT` of an environment variable, with what selects a protocol.
pub fn url(variable: &str, resp3: bool) -> String {
    let address = std::env::var(variable).unwrap_or_else(|_| panic!("set {variable} to host:port"));
    format!("redis://{address}/{}", if resp3 { "?protocol=resp3" } else { "" })
}

/// A client of the standalone server.
pub fn client(resp3: bool) -> redis::Client {
    redis::Client::open(url("TRINE_REDIS", resp3)).expect("the address is one")
}

/// A name that no other test and no earlier run has used.
pub fn unique(kind: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_nanos();
    format!("{kind}-{}-{now}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Asks until the answer is yes.
pub async fn eventually<F: AsyncFnMut() -> bool>(what: &str, mut check: F) {
    let end = Instant::now() + PATIENCE;
    while !check().await {
        assert!(Instant::now() < end, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
