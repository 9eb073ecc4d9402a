//! Queues: which messages wait, who has which of them until when, and what becomes of them.

mod number;
mod settings;
mod text;

pub use number::MessageNumber;
pub use settings::{DeadLetter, DedupScope, Overflow, QueueDurability, QueueSettings, RedriveAllow, SettingsError};
pub use text::{TEXT_SETTINGS, TextError, TextSetting};
