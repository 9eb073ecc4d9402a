//! What the tests share: a client, unique names, and waiting for something that must happen.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use aws_sdk_sqs::{
    Client,
    config::{BehaviorVersion, Config, Credentials, Region},
};

/// How long something that must happen may take.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A client of the server at TRINE_AWS.
pub fn client() -> Client {
    let address = std::env::var("TRINE_AWS").expect("set TRINE_AWS to host:port");
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(format!("http://{address}"))
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Client::from_conf(config)
}

/// A name that no other test and no earlier run has used.
pub fn unique(suffix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_nanos();
    format!("rust-{}-{now}-{}{suffix}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Asks until the answer is yes.
pub async fn eventually<F: AsyncFnMut() -> bool>(what: &str, mut check: F) {
    let end = Instant::now() + PATIENCE;
    while !check().await {
        assert!(Instant::now() < end, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
