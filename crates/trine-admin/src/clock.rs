//! `GET /v1/clock` and `POST /v1/clock` `{advance: "31s"}` or `{set: TIME}`: the clock of messages (decision Q12). Only a clock that is frozen can be moved, and only
//! forwards; everything that becomes due is done before the answer.

use std::sync::Arc;

use axum::{Extension, extract::State};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use trine_broker::{Action, Principal, Resource};
use trine_types::{Timestamp, units::parse_duration};

use crate::{
    Admin,
    error::ApiError,
    page,
    router::{Answer, ok},
    time,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Move {
    advance: Option<String>,
    set: Option<String>,
}

/// What time it is for messages.
pub(crate) async fn show(State(admin): State<Arc<Admin>>, Extension(who): Extension<Principal>) -> Answer {
    let broker = admin.allow(&who, Action::Read, Resource::ADMIN)?;
    ok(json!({ "now": time::to_rfc3339(broker.clock().now().0), "frozen": broker.clock_is_frozen() }))
}

/// Jumps ahead.
pub(crate) async fn advance(
    State(admin): State<Arc<Admin>>,
    Extension(who): Extension<Principal>,
    body: Bytes,
) -> Answer {
    let wanted: Move = page::json(&body)?;
    let broker = admin.allow(&who, Action::Configure, Resource::ADMIN)?;
    let moved = match (&wanted.advance, &wanted.set) {
        (Some(by), None) => broker.advance_clock(parse_duration(by).map_err(ApiError::invalid)?).await?,
        (None, Some(to)) => {
            let ms = time::from_rfc3339(to).ok_or_else(|| ApiError::invalid(format!("{to:?} is no time")))?;
            let now = broker.clock().now();
            if Timestamp(ms) < now {
                let now = time::to_rfc3339(now.0);
                return Err(ApiError::invalid(format!("the clock cannot go back; it is {now}")));
            }
            broker.set_clock(Timestamp(ms)).await?
        }
        _ => return Err(ApiError::invalid("say either advance or set")),
    };
    ok(json!({ "now": time::to_rfc3339(moved.now.0), "frozen": true, "due": moved.due.to_string() }))
}
