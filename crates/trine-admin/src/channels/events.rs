//! `GET /v1/channels/{name}/events[?pattern=true]`: messages as they come, for browsers: as server-sent events, or over a WebSocket when the request asks for
//! one. Messages are `{channel, pattern, body, encoding, at}`. A client that reads too slowly is cut off at the limits of every subscriber and told so; what was
//! published while nobody listened is gone.

use std::{convert::Infallible, sync::Arc};

use axum::{
    Extension,
    extract::{
        FromRequestParts, Path, State,
        ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code},
    },
    http::{HeaderMap, Request, header},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use serde::Deserialize;
use trine_broker::{
    Action, Principal, Resource,
    pubsub::{OutboxLimits, Slow, Subscriber},
};
use trine_core::pubsub::Kind;
use trine_net::DrainSignal;

use super::{KEEP_ALIVE, encode};
use crate::{Admin, error::ApiError, page};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    #[serde(default)]
    pattern: bool,
}

/// A live tail.
pub(crate) async fn events(
    State(admin): State<Arc<Admin>>,
    Extension(who): Extension<Principal>,
    Path(name): Path<String>,
    request: Request<axum::body::Body>,
) -> Result<Response, ApiError> {
    let query: Query = page::query(request.uri())?;
    let broker = admin.allow(&who, Action::Subscribe, Resource::channel(&name))?;
    let mut subscriber = broker.pubsub().subscriber(OutboxLimits::default());
    // Subscribed before the answer: whoever has it misses nothing that is published afterwards.
    subscriber.subscribe(if query.pattern { Kind::Pattern } else { Kind::Channel }, name.as_bytes());
    let tail = Tail { subscriber, admin: Arc::clone(&admin), drain: admin.drain() };
    if wants_websocket(request.headers()) {
        let (mut parts, _) = request.into_parts();
        let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &())
            .await
            .map_err(|rejected| ApiError::invalid(rejected.body_text()))?;
        return Ok(upgrade.on_upgrade(|socket| websocket(tail, socket)));
    }
    let stream = futures_util::stream::unfold(Some(tail), |tail| async {
        let mut tail = tail?;
        let (events, go_on) = match tail.next().await {
            Next::Messages(messages) => {
                (messages.into_iter().map(|text| Event::default().event("message").data(text)).collect(), true)
            }
            Next::Slow(slow) => (vec![Event::default().event("cut-off").data(slow.0.as_str())], false),
            Next::Stopping => (vec![Event::default().event("stopping").data("the server is stopping")], false),
        };
        let events: Vec<Result<Event, Infallible>> = events.into_iter().map(Ok).collect();
        Some((futures_util::stream::iter(events), go_on.then_some(tail)))
    });
    let stream = futures_util::StreamExt::flatten(stream);
    let headers = [(header::CACHE_CONTROL, "no-store"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
    Ok((headers, Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))).into_response())
}

fn wants_websocket(headers: &HeaderMap) -> bool {
    headers.get(header::UPGRADE).is_some_and(|to| to.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// A subscriber and what ends it.
struct Tail {
    subscriber: Subscriber,
    admin: Arc<Admin>,
    drain: DrainSignal,
}

enum Next {
    /// Messages as JSON.
    Messages(Vec<String>),
    Slow(Slow),
    Stopping,
}

impl Tail {
    async fn next(&mut self) -> Next {
        tokio::select! {
            received = self.subscriber.receive() => match received {
                Ok(messages) => {
                    let now = self.admin.clock().now();
                    Next::Messages(messages.iter().map(|message| encode(message, now).to_string()).collect())
                }
                Err(slow) => Next::Slow(slow),
            },
            () = self.drain.draining() => Next::Stopping,
        }
    }
}

async fn websocket(mut tail: Tail, mut socket: WebSocket) {
    let mut keep_alive = tokio::time::interval(KEEP_ALIVE);
    loop {
        tokio::select! {
            next = tail.next() => {
                let closing = match next {
                    Next::Messages(messages) => {
                        for text in messages {
                            if socket.send(Message::Text(text.into())).await.is_err() {
                                return;
                            }
                        }
                        continue;
                    }
                    Next::Slow(slow) => CloseFrame { code: close_code::POLICY, reason: slow.to_string().into() },
                    Next::Stopping => {
                        CloseFrame { code: close_code::AWAY, reason: "the server is stopping".into() }
                    }
                };
                // Whether the peer still listens or not, this is the end.
                let _ = socket.send(Message::Close(Some(closing))).await;
                return;
            }
            received = socket.recv() => match received {
                // Pings are answered by the library; there is nothing a client could say otherwise.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Text(_) | Message::Binary(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
            },
            _ = keep_alive.tick() => {
                if socket.send(Message::Ping(Default::default())).await.is_err() {
                    return;
                }
            }
        }
    }
}
