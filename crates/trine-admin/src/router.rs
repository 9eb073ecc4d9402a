//! Paths to operations.

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{StatusCode, Uri},
    middleware,
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};

use crate::{Admin, channels, clock, error::ApiError, groups, guard::guard, health, metrics, queues, server, topics};

/// Largest request body, in bytes; a producer of more sends several requests.
pub(crate) const BODY_BYTES_MAX: usize = 16 << 20;

pub(crate) fn router(admin: Arc<Admin>) -> Router {
    let one_topic = get(topics::show).patch(topics::alter).delete(topics::delete);
    let one_queue = get(queues::show).patch(queues::alter).delete(queues::delete);
    let api = Router::new()
        .route("/v1/topics", get(topics::list).post(topics::create))
        .route("/v1/topics/{name}", one_topic)
        .route("/v1/topics/{name}/add-partitions", post(topics::add_partitions))
        .route("/v1/topics/{name}/produce", post(topics::produce))
        .route("/v1/topics/{name}/consume", post(topics::consume))
        .route("/v1/topics/{name}/trim", post(topics::trim))
        .route("/v1/groups", get(groups::list))
        .route("/v1/groups/{name}", delete(groups::delete).get(groups::show))
        .route("/v1/groups/{name}/seek", post(groups::seek))
        .route("/v1/queues", get(queues::list).post(queues::create))
        .route("/v1/queues/{name}", one_queue)
        .route("/v1/queues/{name}/send", post(queues::send))
        .route("/v1/queues/{name}/receive", post(queues::receive))
        .route("/v1/queues/{name}/ack", post(queues::ack))
        .route("/v1/queues/{name}/release", post(queues::release))
        .route("/v1/queues/{name}/extend", post(queues::extend))
        .route("/v1/queues/{name}/peek", post(queues::peek))
        .route("/v1/queues/{name}/purge", post(queues::purge))
        .route("/v1/queues/{name}/pause", post(queues::pause))
        .route("/v1/queues/{name}/resume", post(queues::resume))
        .route("/v1/queues/{name}/redrive", post(queues::redrive))
        .route("/v1/channels", get(channels::list))
        .route("/v1/channels/{name}", get(channels::show))
        .route("/v1/channels/{name}/publish", post(channels::publish))
        .route("/v1/channels/{name}/events", get(channels::events))
        .route("/v1/clock", get(clock::show).post(clock::advance))
        .route("/v1/status", get(server::status))
        .route("/v1/advertise", get(server::advertised).post(server::advertise))
        .route("/metrics", get(metrics::metrics))
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz))
        .fallback(no_path)
        .method_not_allowed_fallback(async || ApiError::method())
        .layer(middleware::from_fn_with_state(Arc::clone(&admin), guard))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX));
    api.with_state(admin)
}

async fn no_path(uri: Uri) -> ApiError {
    ApiError::no_path(uri.path())
}

/// An operation's answer: JSON with a status, or an error.
pub(crate) type Answer = Result<Response, ApiError>;

/// 200 with JSON.
pub(crate) fn ok(value: serde_json::Value) -> Answer {
    Ok(axum::Json(value).into_response())
}

/// 201 with JSON.
pub(crate) fn created(value: serde_json::Value) -> Answer {
    Ok((StatusCode::CREATED, axum::Json(value)).into_response())
}
