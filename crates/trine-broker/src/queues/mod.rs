//! Queues: send, receive, settle, look, move (design §6). Everything is durable before it is answered, receives too (decision Q6), as far as the queue's
//! `durability` asks for it.

mod credit;
mod error;
mod late;
mod manage;
mod moves;
mod peek;
mod queue_ref;
mod read;
mod receipt;
mod receive;
mod send;
mod settle;
mod stats;
mod stored;
mod subscribe;
mod types;

pub use credit::Credit;
pub use error::{MoveError, QueueError, ReceiptError, ReceiveError, SendRefusal};
pub use moves::{MOVE_EDITS_MAX, MOVE_NO_DESTINATION, MOVE_NO_ORIGIN};
pub(crate) use moves::{Replacement, StartMoveCommand};
pub(crate) use peek::{PeekedPlace, PeekedPlaces};
pub use queue_ref::QueueRef;
pub(crate) use read::{Place, ReadError, Reader};
pub use receipt::Receipt;
pub(crate) use receipt::{Signer, stamp_of};
pub(crate) use receive::{ReceiveCommand, Taken, TakenMessage};
pub(crate) use send::{LaneBatch, SendAnswer, SendCommand};
pub use send::{MESSAGES_PER_SEND_MAX, SEND_BYTES_MAX};
pub(crate) use settle::{Settle, SettleCommand};
pub(crate) use stored::{Content, pick_records};
pub(crate) use subscribe::{Flow, SubscribeCommand, WINDOW};
pub use subscribe::{NewConsumer, Pushed, Settlement, SubscribeError, Subscription, SubscriptionEnd};
pub use types::{
    Delivery, HEADER_PROTOCOL, Message, MessageState, MoveStatus, MoveTask, MoveTaskId, NewMessage, NewQueue, PEEK_MAX,
    Peek, PeekPage, Peeked, PeekedState, QueueStats, Receive, Sent, StartMove,
};

use crate::Broker;

/// Queues and their messages.
#[derive(Clone, Copy)]
pub struct Queues<'a> {
    pub(crate) broker: &'a Broker,
}
