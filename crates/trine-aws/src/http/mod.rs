//! The HTTP port: connections with HTTP/1.1 (keep-alive, pipelining) or HTTP/2 (prior knowledge), and the way of a request through them.

mod body;
mod dispatch;
mod guard;
mod handle;
mod headers;
mod health;
mod host;
mod origin;
mod plain;
mod respond;
mod stats;
mod watch;

use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
};

use bytes::Bytes;
use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tokio::time::{Instant, Sleep, sleep_until};
use trine_broker::Access;
use trine_env::{Clock, Rng};
use trine_net::{Conn, DrainSignal, auth::Users};

pub use headers::Headers;
pub use stats::{ActionStats, AwsStats};

use self::{
    body::Room,
    stats::Counters,
    watch::{IDLE_TIMEOUT, Watch, Watched},
};
use crate::{Accounts, Service, request_id::RequestIds, sigv4::Keys};

/// Bytes of a request's head, up to one read more: a presigned request carries everything in its first line.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// Headers of a request.
const HEADERS_MAX: usize = 100;
/// Requests at a time on an HTTP/2 connection.
const STREAMS_MAX: u32 = 256;
/// Bytes an HTTP/2 client may send ahead, per request and per connection.
const STREAM_WINDOW_BYTES: u32 = 1 << 20;

/// What HTTP/2 with prior knowledge begins with (RFC 9113 §3.4), as far as it takes to know it: no other method begins so.
const HTTP2_BEGIN: &[u8] = b"PRI ";

/// What the port is told at start.
pub struct AwsConfig {
    /// The services; a form's action is looked for in this order.
    pub services: Vec<Arc<dyn Service>>,
    /// Namespaces and their accounts.
    pub accounts: Accounts,
    /// The region shown when a request names none.
    pub region: String,
    /// Beginning of URLs in answers; `None`: the host the client used (decision E18).
    pub public_url: Option<String>,
    /// Access keys of users.
    pub keys: Keys,
    /// What users may do; with users in it, requests must be signed.
    pub access: Access,
    /// Passwords, for the helper paths.
    pub users: Users,
    /// Wall time for signatures.
    pub clock: Arc<dyn Clock>,
    /// Request ids.
    pub rng: Arc<dyn Rng>,
}

/// The AWS port. Clones share it.
#[derive(Clone)]
pub struct Aws {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    services: Vec<Arc<dyn Service>>,
    accounts: Arc<Accounts>,
    region: String,
    public_url: Option<String>,
    keys: Keys,
    access: Arc<Access>,
    /// What an anonymous listener checks against.
    open: Arc<Access>,
    users: Users,
    clock: Arc<dyn Clock>,
    ids: RequestIds,
    date: plain::DateText,
    room: Room,
    counters: Counters,
}

/// What the requests of one connection share.
pub(crate) struct Session {
    inner: Arc<Inner>,
    watch: Arc<Watch>,
    drain: DrainSignal,
    peer: SocketAddr,
    local: SocketAddr,
    /// Signatures are checked.
    checked: bool,
}

impl Aws {
    /// The port of a configuration.
    #[must_use]
    pub fn new(config: AwsConfig) -> Self {
        let counters = Counters::new(config.services.iter().map(|service| service.info()));
        let inner = Inner {
            services: config.services,
            accounts: Arc::new(config.accounts),
            region: config.region,
            public_url: config.public_url,
            keys: config.keys,
            access: Arc::new(config.access),
            open: Arc::default(),
            users: config.users,
            clock: config.clock,
            ids: RequestIds::new(&*config.rng),
            date: plain::DateText::default(),
            room: Room::default(),
            counters,
        };
        Self { inner: Arc::new(inner) }
    }

    /// Figures for metrics.
    #[must_use]
    pub fn stats(&self) -> AwsStats {
        self.inner.counters.collect(&self.inner.room)
    }

    /// Serves one connection until it ends. `anonymous`: this listener serves everybody although users are configured.
    pub async fn serve(self, conn: Conn, anonymous: bool) {
        let watch = Watch::new();
        let mut drain = conn.drain.clone();
        let session = Arc::new(Session {
            watch: Arc::clone(&watch),
            drain: conn.drain.clone(),
            peer: conn.peer,
            local: conn.local,
            checked: self.inner.access.has_users() && !anonymous,
            inner: self.inner,
        });
        let peer = conn.peer;
        let (stream, _permit) = conn.into_parts();
        let mut stream = Watched { stream, watch: Arc::clone(&watch), again: Bytes::new() };
        let mut guard = Guard {
            watch: &watch,
            alarm: pin!(sleep_until(Instant::now() + IDLE_TIMEOUT)),
            draining: pin!(drain.draining()),
            told: false,
        };
        let plain = {
            let plain = pin!(plain::serve(&session, &mut stream));
            guard.run(plain, |_| watch.drain()).await
        };
        let ended = match plain {
            Ok(Ok(plain::Ended::Other(read))) => {
                // Told apart here, so that the connection needs no second buffer for it.
                let http2 = read.starts_with(HTTP2_BEGIN);
                stream.again = read;
                let io = TokioIo::new(stream);
                let server = if http2 { builder().http2_only() } else { builder().http1_only() };
                let service = service_fn(move |request| {
                    let session = Arc::clone(&session);
                    async move { Ok::<_, Infallible>(handle::handle(session, request).await) }
                });
                let mut connection = pin!(server.serve_connection(io, service));
                if guard.told {
                    connection.as_mut().graceful_shutdown();
                }
                let ended = guard.run(connection, |connection| connection.graceful_shutdown()).await;
                ended.and_then(|ended| ended.map_err(|error| error.to_string()))
            }
            Ok(Ok(plain::Ended::Closed)) => Ok(()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(why) => Err(why),
        };
        if let Err(reason) = ended {
            tracing::debug!(%peer, %reason, "an AWS connection ended early");
        }
    }
}

/// The whole of HTTP, for connections on which more than plain requests come.
fn builder() -> auto::Builder<TokioExecutor> {
    let mut server = auto::Builder::new(TokioExecutor::new());
    server.http1().header_read_timeout(None).max_buf_size(HEAD_BYTES_MAX).max_headers(HEADERS_MAX);
    server
        .http2()
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEAD_BYTES_MAX as u32)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(STREAM_WINDOW_BYTES);
    server
}

/// Ends a connection that does nothing for too long, and tells it when the server goes down.
struct Guard<'a, D> {
    watch: &'a Watch,
    alarm: Pin<&'a mut Sleep>,
    draining: Pin<&'a mut D>,
    told: bool,
}

impl<D: Future<Output = ()>> Guard<'_, D> {
    async fn run<C: Future>(
        &mut self,
        mut connection: Pin<&mut C>,
        drain: impl Fn(Pin<&mut C>),
    ) -> Result<C::Output, String> {
        poll_fn(|cx| {
            if !self.told && self.draining.as_mut().poll(cx).is_ready() {
                self.told = true;
                drain(connection.as_mut());
            }
            if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                return Poll::Ready(Ok(ended));
            }
            // The alarm is only ever moved forward to an earlier time here; one that rings too early looks again. So a request costs no timer.
            loop {
                let deadline = self.watch.deadline();
                if let Some(deadline) = deadline
                    && deadline < self.alarm.deadline()
                {
                    self.alarm.as_mut().reset(deadline);
                }
                if self.alarm.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                let now = Instant::now();
                match deadline {
                    Some(deadline) if deadline <= now => return Poll::Ready(Err("nothing came in time".to_owned())),
                    Some(deadline) => self.alarm.as_mut().reset(deadline),
                    None => self.alarm.as_mut().reset(now + IDLE_TIMEOUT),
                }
            }
        })
        .await
    }
}

#[cfg(test)]
mod tests;
