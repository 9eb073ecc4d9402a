//! A partition of a topic: which offsets exist, who wrote them, and which of them may go.
//!
//! ```text
//!          log_start            cleaned_to                      end
//!   dropped    │  compacted         │     segment │ segment │ active  next append
//!  ────────────┼────────────────────┼─────────────┴─────────┴─────────┼──────────
//! ```
//!
//! [`Partition::decide_append`] and its siblings change nothing; [`Partition::apply`] is the only thing that changes the state, and reads no setting
//! and no clock: what a setting implied at the time of the decision is in the record. The high watermark is not here: it is the part of the log that
//! is durable, which the shard that owns the partition knows.

mod append;
mod epochs;
mod partition;
mod producers;
mod record;
mod retention;
mod section;
mod segments;
#[cfg(test)]
mod tests;

pub use append::{AppendDecision, AppendRefusal};
pub use epochs::{EpochEnd, Epochs};
pub use partition::Partition;
pub use producers::{PRODUCER_WINDOW, Producer, ProducerStamp};
pub use record::{BatchFacts, PartitionRecord};
pub use retention::{RetentionRules, SegmentRules};
pub use segments::LogicalSegment;
