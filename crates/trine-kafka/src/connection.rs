//! One connection: frames in, answers out in the order of their requests.
//!
//! Requests are decoded and dispatched as they arrive, so that appends of one connection keep their order and a parked fetch delays nothing but the
//! answers behind it. One task does everything; answers that are ready at the same time leave in one write.
//!
//! Bounds: requests in flight, unwritten bytes, one fetch at a time, the time one request may take to arrive, silence, and (process-wide) the memory of
//! requests and of fetched records.

mod frames;
mod in_flight;
mod out;

use std::{net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{
    net::TcpStream,
    sync::OwnedSemaphorePermit,
    time::{Instant, sleep_until},
};
use trine_broker::Principal;
use trine_net::{Conn, DrainSignal};

pub(crate) use self::in_flight::Dispatched;
use self::{
    frames::{Frame, FrameReader, ReadError, Step},
    in_flight::InFlight,
    out::Out,
};
use crate::{
    Inner, apis,
    error::Close,
    memory::Held,
    wire::{ApiKey, Encoded, RequestHeader, control::CONTROL_BYTES_MAX},
};

/// Requests of one connection that may be waiting for their answers. Clients use 5 (producers) to a few dozen.
const IN_FLIGHT_MAX: usize = 256;
/// Unwritten bytes beyond which no further request is read.
const OUT_BYTES_MAX: usize = 1 << 20;
/// After the client closed its side, answers get so long to be ready.
const EOF_GRACE: Duration = Duration::from_secs(5);
/// What was answered before an error gets so long to be written.
const FLUSH_GRACE: Duration = Duration::from_secs(1);

/// What handlers know of the connection.
pub(crate) struct Ctx {
    pub(crate) kafka: Arc<Inner>,
    pub(crate) peer: SocketAddr,
    pub(crate) local: SocketAddr,
    pub(crate) principal: Principal,
    pub(crate) drain: DrainSignal,
}

/// What becomes of a request.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The frame; none for a produce request that wants no answer.
    pub(crate) frame: Option<Encoded>,
    /// Memory that is free again once the frame is written.
    pub(crate) held: Option<Held>,
}

impl Answer {
    pub(crate) const NOTHING: Self = Self { frame: None, held: None };
}

impl From<Encoded> for Answer {
    fn from(frame: Encoded) -> Self {
        Self { frame: Some(frame), held: None }
    }
}

/// A request that was read, and the memory it counts for.
struct Received {
    header: RequestHeader,
    body: Bytes,
    memory: Option<OwnedSemaphorePermit>,
}

/// Serves a connection until it ends.
pub(crate) async fn serve(kafka: Arc<Inner>, conn: Conn) {
    let (peer, local, drain) = (conn.peer, conn.local, conn.drain.clone());
    let (mut stream, _permit) = conn.into_parts();
    let ctx = Arc::new(Ctx { kafka, peer, local, principal: Principal::ANONYMOUS, drain });
    Connection::new(ctx).run(&mut stream).await;
}

struct Connection {
    ctx: Arc<Ctx>,
    reader: FrameReader,
    in_flight: InFlight,
    out: Out,
    /// A fetch that came while another was in flight: dispatched when that one is answered.
    held: Option<Received>,
    /// Whether more requests are read.
    open: bool,
    last_activity: Instant,
}

impl Connection {
    fn new(ctx: Arc<Ctx>) -> Self {
        Self {
            reader: FrameReader::new(ctx.kafka.config.request_bytes_max),
            in_flight: InFlight::default(),
            out: Out::default(),
            held: None,
            open: true,
            last_activity: Instant::now(),
            ctx,
        }
    }

    async fn run(mut self, stream: &mut TcpStream) {
        let (mut read, write) = stream.split();
        let stream: &TcpStream = write.as_ref();
        let ctx = Arc::clone(&self.ctx);
        let idle_max = ctx.kafka.config.idle_max;
        let mut drain = ctx.drain.clone();
        let mut draining = pin!(drain.draining());
        let mut drained = false;
        let mut eof = false;
        let mut timer = pin!(sleep_until(Instant::now() + idle_max));
        loop {
            if self.held.is_some()
                && !self.in_flight.has_fetch()
                && let Some(received) = self.held.take()
                && let Err(close) = self.dispatch(received).await
            {
                return self.end(stream, &close).await;
            }
            if !self.open && self.in_flight.is_empty() && self.out.is_empty() && self.held.is_none() {
                return;
            }
            // A request that has begun to arrive has a deadline of its own; otherwise the timer is only moved when it fires.
            if let Some(deadline) = self.reader.deadline()
                && deadline < timer.deadline()
            {
                timer.as_mut().reset(deadline);
            }
            let may_read = self.may_read();
            tokio::select! {
                biased;
                done = self.in_flight.next(), if !self.in_flight.is_empty() => {
                    // Answers come in bulk, when a sync is done: take all that are there before looking at anything else.
                    let mut done = Some(done);
                    while let Some(answer) = done {
                        match answer {
                            Ok(answer) => self.out.push(answer),
                            Err(close) => {
                                ctx.kafka.counters.unanswered();
                                return self.end(stream, &close).await;
                            }
                        }
                        done = self.in_flight.next_ready().await;
                    }
                }
                written = self.out.write(stream), if !self.out.is_empty() => match written {
                    Ok(()) => self.last_activity = Instant::now(),
                    Err(_) => return,
                },
                frame = self.reader.next(&mut read, &ctx.kafka.memory), if may_read => match frame {
                    Ok(Step::Frame(frame)) => {
                        self.last_activity = Instant::now();
                        if let Err(close) = self.receive_all(frame).await {
                            ctx.kafka.counters.malformed();
                            return self.end(stream, &close).await;
                        }
                    }
                    Ok(Step::Begun) => self.last_activity = Instant::now(),
                    Ok(Step::Closed) => {
                        self.open = false;
                        eof = true;
                        timer.as_mut().reset(Instant::now() + EOF_GRACE);
                    }
                    Err(ReadError::Frame(error)) => {
                        ctx.kafka.counters.malformed();
                        return self.end(stream, &Close(error.to_string())).await;
                    }
                    Err(ReadError::Io(error)) => {
                        tracing::trace!(peer = %ctx.peer, %error, "the connection broke");
                        return;
                    }
                },
                () = &mut draining, if !drained => {
                    // What was read is answered (parked fetches and joins at once); nothing more is read.
                    drained = true;
                    self.open = false;
                }
                () = &mut timer => {
                    let now = Instant::now();
                    if eof {
                        return;
                    }
                    if self.reader.deadline().is_some_and(|deadline| deadline <= now) {
                        ctx.kafka.counters.malformed();
                        return self.end(stream, &Close("a request took too long to arrive".to_owned())).await;
                    }
                    let waits_for_us = !self.in_flight.is_empty() || self.held.is_some();
                    let quiet = now.duration_since(self.last_activity);
                    if quiet >= idle_max && !(waits_for_us && self.out.is_empty()) {
                        tracing::debug!(peer = %ctx.peer, "closing an idle connection");
                        return;
                    }
                    timer.as_mut().reset(now + idle_max.saturating_sub(quiet).max(Duration::from_secs(1)));
                }
            }
        }
    }

    /// A whole request has arrived, and maybe more that were read with it: clients that pipeline send several at once.
    async fn receive_all(&mut self, first: Frame) -> Result<(), Close> {
        self.receive(first.bytes, first.memory).await?;
        while self.may_read() {
            match self.reader.buffered() {
                Ok(Some(frame)) => self.receive(frame.bytes, frame.memory).await?,
                Ok(None) => break,
                Err(ReadError::Frame(error)) => return Err(Close(error.to_string())),
                // Not from the buffer.
                Err(ReadError::Io(_)) => break,
            }
        }
        Ok(())
    }

    /// Whether another request may be taken in now.
    fn may_read(&self) -> bool {
        self.open && self.held.is_none() && self.in_flight.len() < IN_FLIGHT_MAX && self.out.bytes() < OUT_BYTES_MAX
    }

    /// A whole request has arrived.
    async fn receive(&mut self, frame: Bytes, memory: Option<OwnedSemaphorePermit>) -> Result<(), Close> {
        let (header, body) = RequestHeader::parse(&frame)?;
        let data = matches!(header.api.key, ApiKey::Produce | ApiKey::Fetch);
        if !data && body.len() > CONTROL_BYTES_MAX {
            return Err(Close(format!("a {} request of {} bytes is too large", header.api.name, body.len())));
        }
        self.ctx.kafka.counters.request(header.api);
        let received = Received { header, body, memory };
        if received.header.api.key == ApiKey::Fetch && self.in_flight.has_fetch() {
            self.held = Some(received);
            return Ok(());
        }
        self.dispatch(received).await
    }

    async fn dispatch(&mut self, received: Received) -> Result<(), Close> {
        let Received { header, body, memory } = received;
        let fetch = header.api.key == ApiKey::Fetch;
        let answer = apis::dispatch(&self.ctx, header, body).await?;
        self.in_flight.push(answer, fetch, memory);
        Ok(())
    }

    /// Writes what was answered before, then closes.
    async fn end(mut self, stream: &TcpStream, close: &Close) {
        tracing::debug!(peer = %self.ctx.peer, reason = %close, "closing a connection");
        let flush = async {
            while !self.out.is_empty() {
                if self.out.write(stream).await.is_err() {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(FLUSH_GRACE, flush).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_of_future<A, B, F: Future>(_: impl Fn(A, B) -> F) -> usize {
        size_of::<F>()
    }

    /// Ten thousand idle connections hold no buffer and this much of a task each.
    #[test]
    fn an_idle_connection_is_small() {
        assert!(bytes_of_future(serve) <= 6 << 10, "{}", bytes_of_future(serve));
    }
}
