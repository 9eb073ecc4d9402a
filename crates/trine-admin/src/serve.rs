//! HTTP/1.1 on one accepted connection.

use std::{sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use trine_net::Conn;

use crate::{Admin, router};

/// Time to send a request's head; a peer that sends its headers byte by byte is cut off.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a request's head.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// Serves connections of the admin listener; clones share everything.
#[derive(Clone)]
pub struct Service {
    router: Router,
}

impl Service {
    /// The service of a context.
    #[must_use]
    pub fn new(admin: Arc<Admin>) -> Self {
        Self { router: router::router(admin) }
    }

    /// Serves one connection until the client closes it, it breaks the protocol, or the server drains.
    pub async fn serve(self, conn: Conn) {
        let mut drain = conn.drain.clone();
        let (stream, _permit) = conn.into_parts();
        let mut server = http1::Builder::new();
        server.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(HEAD_BYTES_MAX);
        let connection =
            server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(self.router)).with_upgrades();
        tokio::pin!(connection);
        let served = tokio::select! {
            served = connection.as_mut() => served,
            () = drain.draining() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = served {
            tracing::debug!(%error, "admin connection ended early");
        }
    }
}
