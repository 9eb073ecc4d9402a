//! `/livez`: the process runs, also while it recovers. `/readyz`: clients should come.

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};

use crate::{Admin, error::ApiError};

pub(crate) async fn livez() -> &'static str {
    "ok\n"
}

pub(crate) async fn readyz(State(admin): State<Arc<Admin>>) -> Response {
    if admin.is_ready() {
        return "ok\n".into_response();
    }
    let (code, message) = if admin.drain().is_draining() {
        ("stopping", "the server is stopping")
    } else {
        ("starting", "the server is starting: it is not ready yet")
    };
    ApiError::unavailable(code, message).into_response()
}
