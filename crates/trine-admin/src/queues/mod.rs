//! `/v1/queues`.

mod ack;
mod alter;
mod create;
mod delete;
mod extend;
mod list;
mod message;
mod pause;
mod peek;
mod purge;
mod receive;
mod redrive;
mod release;
mod send;
mod show;

use trine_broker::{Broker, QueueRef};
use trine_types::{Namespace, QueueName};

use crate::error::ApiError;

pub(crate) use ack::ack;
pub(crate) use alter::alter;
pub(crate) use create::create;
pub(crate) use delete::delete;
pub(crate) use extend::extend;
pub(crate) use list::list;
pub(crate) use pause::{pause, resume};
pub(crate) use peek::peek;
pub(crate) use purge::purge;
pub(crate) use receive::receive;
pub(crate) use redrive::redrive;
pub(crate) use release::release;
pub(crate) use send::send;
pub(crate) use show::show;

/// The queue with a name.
fn find(broker: &Broker, name: &str) -> Result<QueueRef, ApiError> {
    let parsed = QueueName::parse(name)?;
    broker
        .queues()
        .get(&Namespace::default(), &parsed)
        .ok_or_else(|| ApiError::not_found(format!("there is no queue {name}")))
}
