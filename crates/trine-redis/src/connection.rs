//! One connection's task: reads, cuts requests out, carries them out. Writing is the worker's business.

use std::{
    cell::RefCell,
    os::fd::AsRawFd,
    pin::pin,
    rc::Rc,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll},
    time::Duration,
};

use bytes::BytesMut;
use tokio::{
    io::AsyncReadExt,
    net::{TcpStream, UnixStream},
    task::yield_now,
};
use trine_net::Permit;

use crate::{
    clients::{Client, FLAG_UNIX},
    commands::{Ctx, Deferred, Flow, dispatch},
    conn::{Conn, End, ReadHalf, WriteHalf},
    session::{ReplyMode, Session},
    shared::Shared,
    wire::{RequestError, RequestLimits, RequestParser},
    worker::{NewConnection, Socket, TURN_BYTES_MAX, Worker},
};

/// Bytes a read may bring.
const READ_BYTES: usize = 64 << 10;
/// Smallest room worth a read.
const READ_BYTES_MIN: usize = 16 << 10;
/// Commands of one connection before others get their turn.
const COMMANDS_MAX: usize = 1024;
/// Unwritten bytes beyond which a connection's requests are not carried out.
const OUT_BYTES_MAX: usize = 16 << 20;
/// An unfinished request up to this size is not counted for the bound over all.
const UNCHARGED_BYTES: usize = 64 << 10;
/// Replies up to this size are copied behind what waits already.
const REPLY_COPIED_MAX: usize = 16 << 10;
/// Silence before the kernel asks whether the peer is still there, between two asks, and asks without an answer.
const KEEPALIVE: (Duration, Duration, u32) = (Duration::from_secs(300), Duration::from_secs(100), 3);
/// Unacknowledged bytes for so long mean that the peer is gone.
const USER_TIMEOUT_MS: u32 = 600_000;

/// What a connection has received and not carried out.
struct Input {
    shared: Arc<Shared>,
    buffer: BytesMut,
    parser: RequestParser,
    /// Bytes of the buffer that count for the bound over all query buffers.
    charged: usize,
    /// The buffer is a part of the worker's.
    borrowed: bool,
    /// The buffer may hold a whole request.
    pending: bool,
}

impl Input {
    fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            buffer: BytesMut::new(),
            parser: RequestParser::default(),
            charged: 0,
            borrowed: false,
            pending: false,
        }
    }

    /// Counts a long unfinished request; whether all of them together are within their bound.
    fn charge(&mut self) -> bool {
        let wanted = if self.buffer.len() > UNCHARGED_BYTES { self.buffer.len() } else { 0 };
        let all = &self.shared.query_bytes;
        if wanted > self.charged {
            let before = all.fetch_add(wanted - self.charged, Ordering::Relaxed);
            self.charged = wanted;
            return before + wanted <= self.shared.config.query_total_bytes_max;
        }
        all.fetch_sub(self.charged - wanted, Ordering::Relaxed);
        self.charged = wanted;
        true
    }

    /// What is left over must not hold the worker's buffer; nothing left over holds no buffer.
    fn let_go(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        } else if self.borrowed {
            self.buffer = BytesMut::from(&*self.buffer);
        }
        self.borrowed = false;
    }
}

/// What the task does next.
enum Step {
    /// The connection is over.
    End,
    /// Others first.
    Yield,
    /// Work elsewhere, then its answer.
    Wait(Deferred),
}

/// Takes a connection in: its state, its place in the list of clients, its task.
pub(crate) fn start(worker: &mut Worker, this: &Rc<RefCell<Worker>>, new: NewConnection) {
    let NewConnection { socket, anonymous, permit } = new;
    let (fd, addr, laddr, unix) = match &socket {
        Socket::Tcp(stream, peer) => {
            let local = stream.local_addr().map_or_else(|_| String::new(), |a| a.to_string());
            (stream.as_raw_fd(), peer.to_string(), local, false)
        }
        Socket::Unix(stream, path) => (stream.as_raw_fd(), format!("{path}:0"), format!("{path}:0"), true),
    };
    let halves = match socket {
        Socket::Tcp(stream, _) => {
            keep_alive(&stream);
            TcpStream::from_std(stream).map(|stream| {
                let (read, write) = stream.into_split();
                (ReadHalf::Tcp(read), WriteHalf::Tcp(write))
            })
        }
        Socket::Unix(stream, _) => UnixStream::from_std(stream).map(|stream| {
            let (read, write) = stream.into_split();
            (ReadHalf::Unix(read), WriteHalf::Unix(write))
        }),
    };
    let Ok((read, write)) = halves else { return };
    let id = register(worker, fd, addr, laddr, unix, anonymous, Some(write));
    tokio::task::spawn_local(serve(Registered { worker: Rc::clone(this), id, _permit: permit }, read));
}

/// Makes the state of a connection; returns its number in the worker.
pub(crate) fn register(
    worker: &mut Worker,
    fd: i32,
    addr: String,
    laddr: String,
    unix: bool,
    anonymous: bool,
    socket: Option<WriteHalf>,
) -> u32 {
    let shared = &worker.shared;
    let now_ms = shared.broker.clock().mono().as_millis() as u64;
    let client = Arc::new(Client::new(shared.clients.next_id(), worker.index, addr, laddr, fd, now_ms));
    client.set(FLAG_UNIX, unix);
    shared.clients.add(Arc::clone(&client));
    shared.counters.connections.fetch_add(1, Ordering::Relaxed);
    let session = Session::new(Arc::clone(&client), shared.acl.at_connect(anonymous), anonymous);
    worker.fan.conns.insert(Conn::new(client, session, socket)) as u32
}

/// Dead peers are found although a subscriber may be silent for days. Failing is no reason to refuse a client.
fn keep_alive(stream: &std::net::TcpStream) {
    use rustix::net::sockopt;
    let (idle, every, probes) = KEEPALIVE;
    let _ = sockopt::set_socket_keepalive(stream, true);
    let _ = sockopt::set_tcp_keepidle(stream, idle);
    let _ = sockopt::set_tcp_keepintvl(stream, every);
    let _ = sockopt::set_tcp_keepcnt(stream, probes);
    #[cfg(target_os = "linux")]
    let _ = sockopt::set_tcp_user_timeout(stream, USER_TIMEOUT_MS);
}

/// Takes the connection out when its task ends, however that happens: also with a panic, and when the thread ends.
struct Registered {
    worker: Rc<RefCell<Worker>>,
    id: u32,
    _permit: Permit,
}

impl Drop for Registered {
    fn drop(&mut self) {
        // Nobody holds it while a task is dropped.
        if let Ok(mut worker) = self.worker.try_borrow_mut() {
            close(&mut worker, self.id);
            worker.end_of_batch();
        }
    }
}

async fn serve(registered: Registered, mut read: ReadHalf) {
    let Registered { worker, id, .. } = &registered;
    let id = *id;
    let mut input = Input::new(Arc::clone(&worker.borrow().shared));
    loop {
        let step = std::future::poll_fn(|cx| poll(&mut worker.borrow_mut(), id, &mut input, &mut read, cx)).await;
        match step {
            Step::End => break,
            Step::Yield => yield_now().await,
            Step::Wait(deferred) => {
                // A panic in there was printed where it happened; the client gets no answer, so it must not wait for one.
                let Ok(finish) = tokio::task::spawn_blocking(deferred.work).await else { break };
                let mut worker = worker.borrow_mut();
                worker.fan.new_turn();
                worker.with_session(id, |ctx| finish(ctx));
                worker.end_of_batch();
            }
        }
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        self.shared.query_bytes.fetch_sub(self.charged, Ordering::Relaxed);
    }
}

/// Takes a connection out.
pub(crate) fn close(worker: &mut Worker, id: u32) {
    let Some(conn) = worker.fan.remove(id) else { return };
    worker.shared.clients.remove(conn.client.id);
    if conn.session.is_some_and(|session| session.monitor) {
        worker.shared.monitors.fetch_sub(1, Ordering::Relaxed);
    }
}

fn poll(worker: &mut Worker, id: u32, input: &mut Input, read: &mut ReadHalf, cx: &mut Context<'_>) -> Poll<Step> {
    worker.fan.new_turn();
    let polled = poll_turn(worker, id, input, read, cx);
    worker.end_of_batch();
    polled
}

fn poll_turn(worker: &mut Worker, id: u32, input: &mut Input, read: &mut ReadHalf, cx: &mut Context<'_>) -> Poll<Step> {
    loop {
        {
            let Some(conn) = worker.fan.conns.get_mut(id as usize) else { return Poll::Ready(Step::End) };
            conn.waker = Some(cx.waker().clone());
            if conn.blocked
                && let Some(socket) = &conn.socket
                && socket.poll_writable(cx).is_ready()
            {
                worker.fan.writable(id);
            }
            let Some(conn) = worker.fan.conns.get_mut(id as usize) else { return Poll::Ready(Step::End) };
            match conn.end {
                End::Now(_) => return Poll::Ready(Step::End),
                End::Flushed if conn.out.is_empty() => return Poll::Ready(Step::End),
                End::Flushed => return Poll::Pending,
                End::No => {}
            }
            conn.waits_for_room = conn.out.len() > OUT_BYTES_MAX;
            if conn.waits_for_room || conn.stall.is_some() {
                return Poll::Pending;
            }
        }
        if input.pending
            && let Some(step) = worker.carry_out(id, input)
        {
            return Poll::Ready(step);
        }
        if input.pending {
            // Stopped in the middle: the reason is looked at again above.
            continue;
        }
        let buffer = if input.buffer.is_empty() { &mut worker.scratch } else { &mut input.buffer };
        if buffer.capacity() - buffer.len() < READ_BYTES_MIN {
            buffer.reserve(READ_BYTES.max(READ_BYTES_MIN));
        }
        let received = match read {
            ReadHalf::Tcp(socket) => pin!(socket.read_buf(buffer)).poll(cx),
            ReadHalf::Unix(socket) => pin!(socket.read_buf(buffer)).poll(cx),
        };
        match received {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Err(_)) => return Poll::Ready(Step::End),
            Poll::Ready(Ok(0)) => {
                // Whoever only listens and has closed its side is gone; others get what they asked for.
                let subscriber = worker.fan.conns.get(id as usize).is_none_or(|conn| conn.subscriber);
                worker.fan.end(id, if subscriber { End::Now(None) } else { End::Flushed });
            }
            Poll::Ready(Ok(received)) => {
                worker.shared.counters.bytes_in.fetch_add(received as u64, Ordering::Relaxed);
                if input.buffer.is_empty() {
                    // The common buffer is empty again at the end of this turn: what is left over moves out.
                    input.buffer = worker.scratch.split();
                    input.borrowed = true;
                }
                input.pending = true;
            }
        }
    }
}

impl Worker {
    /// Carries out what a connection has sent, until something stops it. `None`: look at the connection again.
    fn carry_out(&mut self, id: u32, input: &mut Input) -> Option<Step> {
        let mut session = self.fan.conns.get_mut(id as usize)?.session.take()?;
        let mut args = std::mem::take(&mut self.args);
        let mut commands = 0;
        let step = loop {
            if commands == COMMANDS_MAX || self.fan.turn_bytes >= TURN_BYTES_MAX {
                break Some(Step::Yield);
            }
            match input.parser.next(&mut input.buffer, &self.limits(&session), &mut args) {
                Ok(true) => {}
                Ok(false) => {
                    input.pending = false;
                    input.let_go();
                    if !input.charge() {
                        self.refuse(id, &RequestError::QueryBuffer);
                    }
                    session.client.query_bytes.store(input.buffer.len(), Ordering::Relaxed);
                    break None;
                }
                Err(error) => {
                    self.refuse(id, &error);
                    break None;
                }
            }
            commands += 1;
            let flow = self.run(id, &mut session, &args);
            args.clear();
            match flow {
                Flow::Continue => {}
                Flow::Close => self.fan.end(id, End::Flushed),
                Flow::Wait(deferred) => break Some(Step::Wait(deferred)),
            }
            let goes_on = self
                .fan
                .conns
                .get(id as usize)
                .is_some_and(|conn| conn.end == End::No && conn.stall.is_none() && conn.out.len() <= OUT_BYTES_MAX);
            if !goes_on {
                break None;
            }
        };
        args.clear();
        self.args = args;
        self.shared.counters.commands.fetch_add(commands as u64, Ordering::Relaxed);
        if let Some(conn) = self.fan.conns.get_mut(id as usize) {
            conn.session = Some(session);
        }
        step
    }

    fn limits(&self, session: &Session) -> RequestLimits {
        let config = &self.shared.config;
        RequestLimits {
            authenticated: session.authenticated,
            bulk_bytes_max: config.bulk_bytes_max,
            query_bytes_max: config.query_bytes_max,
        }
    }

    /// Runs one command and appends its reply; for [`Flow::Wait`] the reply comes later.
    fn run(&mut self, id: u32, session: &mut Session, args: &[bytes::Bytes]) -> Flow {
        self.out.start(session.resp);
        let flow = dispatch(&mut self.ctx(id, session), args);
        if !matches!(flow, Flow::Wait(_)) {
            self.reply(id, session);
        }
        flow
    }

    /// Runs what answers a command that waited.
    fn with_session(&mut self, id: u32, answer: impl FnOnce(&mut Ctx<'_>) -> Flow) {
        let Some(mut session) = self.fan.conns.get_mut(id as usize).and_then(|conn| conn.session.take()) else {
            return;
        };
        self.out.start(session.resp);
        let flow = answer(&mut self.ctx(id, &mut session));
        self.reply(id, &mut session);
        if matches!(flow, Flow::Close) {
            self.fan.end(id, End::Flushed);
        }
        if let Some(conn) = self.fan.conns.get_mut(id as usize) {
            conn.session = Some(session);
        }
    }

    fn ctx<'a>(&'a mut self, id: u32, session: &'a mut Session) -> Ctx<'a> {
        let now_ms = self.fan.now.as_millis() as u64;
        Ctx { shared: &self.shared, session, out: &mut self.out, fan: &mut self.fan, id, now_ms }
    }

    /// Appends the reply, then what the command caused.
    fn reply(&mut self, id: u32, session: &mut Session) {
        if self.out.errors() > 0 {
            self.shared.counters.error_replies.fetch_add(self.out.errors(), Ordering::Relaxed);
        }
        match session.reply_mode {
            ReplyMode::On if self.out.len() >= REPLY_COPIED_MAX => self.fan.reply_owned(id, self.out.take()),
            ReplyMode::On => self.fan.reply(id, self.out.bytes()),
            ReplyMode::Off | ReplyMode::Skip | ReplyMode::SkipNext => {}
        }
        session.reply_mode = match session.reply_mode {
            ReplyMode::SkipNext => ReplyMode::Skip,
            ReplyMode::Skip => ReplyMode::On,
            mode => mode,
        };
        self.fan.release_held(id);
        if self.fan.port.has_next() {
            self.fan.deliver(Some(TURN_BYTES_MAX));
        }
    }

    /// Answers input that cannot be understood, and closes.
    fn refuse(&mut self, id: u32, error: &RequestError) {
        match error.reply() {
            Some(reply) => {
                self.shared.counters.malformed.fetch_add(1, Ordering::Relaxed);
                self.fan.reply(id, &reply);
                self.fan.end(id, End::Flushed);
            }
            None => {
                self.shared.counters.cut_query.fetch_add(1, Ordering::Relaxed);
                self.fan.end(id, End::Now(None));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_of_future<A, B, F: Future>(_: impl Fn(A, B) -> F) -> usize {
        size_of::<F>()
    }

    /// Ten thousand idle connections hold no buffer and this much of state each, beside a few words in tables.
    #[test]
    fn an_idle_connection_is_small() {
        let state = size_of::<Conn>() + size_of::<Session>() + size_of::<Client>() + bytes_of_future(serve);
        assert!(state <= 3 << 10, "{state}");
    }
}
