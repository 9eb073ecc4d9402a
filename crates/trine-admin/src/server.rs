//! `GET /v1/status` and `/v1/advertise`.

use std::sync::Arc;

use axum::{Extension, extract::State};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use trine_broker::{Action, Principal, Resource};
use trine_net::{Advertised, HostPort};

use crate::{
    Admin,
    error::ApiError,
    metrics::resident_bytes,
    page,
    router::{Answer, ok},
    time,
};

/// What runs, how, and how much of it.
pub(crate) async fn status(State(admin): State<Arc<Admin>>, Extension(who): Extension<Principal>) -> Answer {
    let broker = admin.allow(&who, Action::Read, Resource::ADMIN)?;
    let (info, stats) = (admin.info(), broker.stats());
    let listeners = info.listeners.iter().map(|l| {
        let counts = l.limit.counts();
        let addrs: Vec<String> = l.addrs.iter().map(ToString::to_string).collect();
        let value = json!({
            "addresses": addrs,
            "connections": counts.open,
            "connections_max": counts.max,
            "accepted": counts.accepted.to_string(),
            "refused": counts.refused.to_string(),
        });
        (l.kind.to_owned(), value)
    });
    ok(json!({
        "version": info.version,
        "pid": std::process::id(),
        "ready": admin.is_ready(),
        "now": time::to_rfc3339(admin.clock().now().0),
        "uptime_seconds": admin.uptime().as_secs(),
        "data": info.data.as_ref().map(|d| d.display().to_string()),
        "durability": info.durability,
        "file_system": info.file_system,
        "advertise": shown(&admin),
        "listeners": listeners.collect::<serde_json::Map<_, _>>(),
        "topics": stats.topics,
        "partitions": stats.partitions,
        "groups": stats.groups,
        "appended": {
            "batches": stats.batches_appended.to_string(),
            "records": stats.records_appended.to_string(),
            "bytes": stats.bytes_appended.to_string(),
        },
        "fetched": { "requests": stats.fetches.to_string(), "bytes": stats.bytes_fetched.to_string() },
        "store": {
            "wal_bytes": stats.store.wal_bytes.to_string(),
            "segment_bytes": stats.store.segment_bytes.to_string(),
            "cache_bytes": stats.store.cache_bytes.to_string(),
            "index_bytes": stats.store.index_bytes.to_string(),
            "syncs": stats.store.syncs.to_string(),
            "full": stats.store.full,
        },
        "resident_bytes": resident_bytes().map(|b| b.to_string()),
    }))
}

/// What clients are told to connect to.
pub(crate) async fn advertised(State(admin): State<Arc<Admin>>, Extension(who): Extension<Principal>) -> Answer {
    admin.allow(&who, Action::Read, Resource::ADMIN)?;
    ok(shown(&admin))
}

/// The addresses clients are told, null for the one they used.
fn shown(admin: &Admin) -> serde_json::Value {
    let text = |addr: &Advertised| addr.get().map(|addr| addr.to_string());
    json!({ "kafka": text(&admin.advertised().kafka), "redis": text(&admin.advertised().redis) })
}

/// `HOST:PORT`, or null for the address the client used; what is absent stays as it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advertise {
    #[serde(default, deserialize_with = "given")]
    kafka: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    redis: Option<Option<String>>,
}

fn given<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(value).map(Some)
}

/// Changes what clients are told to connect to, until the server stops (decision E18).
pub(crate) async fn advertise(
    State(admin): State<Arc<Admin>>,
    Extension(who): Extension<Principal>,
    body: Bytes,
) -> Answer {
    admin.allow(&who, Action::Configure, Resource::ADMIN)?;
    let wanted: Advertise = page::json(&body)?;
    let advertised = admin.advertised();
    let wanted = [(&advertised.kafka, wanted.kafka), (&advertised.redis, wanted.redis)];
    let mut changes = Vec::new();
    for (advertised, given) in wanted {
        let Some(given) = given else { continue };
        changes.push((advertised, given.as_deref().map(address).transpose()?));
    }
    changes.into_iter().for_each(|(advertised, addr)| advertised.set(addr));
    ok(shown(&admin))
}

fn address(text: &str) -> Result<HostPort, ApiError> {
    let addr: HostPort = text.parse().map_err(|e: trine_net::AddrError| ApiError::invalid(e.to_string()))?;
    if addr.port == 0 {
        return Err(ApiError::invalid("clients cannot connect to port 0"));
    }
    Ok(addr)
}
