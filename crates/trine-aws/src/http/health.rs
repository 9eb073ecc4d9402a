//! `/_localstack/health`: scripts written for that emulator wait for it.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::Inner;

/// The path.
pub(crate) const PATH: &str = "/_localstack/health";

/// Which services there are.
pub(crate) fn body(inner: &Inner) -> Bytes {
    let services: Map<String, Value> =
        inner.services.iter().map(|service| (service.info().name.to_owned(), "running".into())).collect();
    let version = env!("CARGO_PKG_VERSION");
    json!({ "services": services, "edition": "trine", "version": version }).to_string().into()
}
