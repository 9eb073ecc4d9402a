//! What every edge shares below its protocol: addresses and binding, accept loops with connection caps, drain, and bounded outboxes that write many
//! frames with one system call. Knows TCP, no protocol.
//!
//! ```text
//! Binding (port held, not listening) ── listen ──▶ accept_loop ── Conn{stream, drain, permit} ──▶ the edge's handler
//! ```

mod accept;
mod addr;
mod advertised;
pub mod auth;
mod bind;
mod drain;
mod limit;
mod outbox;
mod rlimit;

pub use accept::{Conn, accept_loop};
pub use addr::{AddrError, HostPort};
pub use advertised::{Advertised, AdvertisedAddrs};
pub use bind::{BindError, Binding};
pub use drain::{Drain, DrainSignal, Phase};
pub use limit::{ConnectionCounts, ConnectionLimit, Permit};
pub use outbox::{Outbox, OutboxClosed, OutboxFull, OutboxReader, outbox};
pub use rlimit::raise_open_files;
