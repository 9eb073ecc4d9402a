//! Bytes ⇄ structs, nothing else: no sockets, no broker, no clock. Produce, Fetch and ApiVersions are written by hand, because they carry the data or
//! have rules of their own; everything else goes through [`control`].
//!
//! Whatever a peer sends ends in a value or a [`WireError`], never in a panic, and no length or count of theirs reserves memory.

pub mod api_table;
pub mod api_versions;
pub mod control;
pub mod fetch;
pub mod frame;
pub mod header;
mod primitive;
pub mod produce;
mod request;
mod response;

pub use api_table::{APIS, Api, ApiKey};
pub use header::RequestHeader;
pub use request::Request;
pub use response::{Encoded, ResponseBuf};

/// Immutable UTF-8 that shares the frame's memory.
pub type Text = kafka_wire_core::StrBytes;

/// Why bytes are not a request this server can read. The protocol has no error frame: the connection is closed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The bytes end early or make no sense.
    #[error("{what} at byte {at} of the request is malformed")]
    Malformed { what: &'static str, at: usize },
    /// No such API, or one that is not served.
    #[error("API {0} is not served")]
    UnknownApi(i16),
    /// The API is served in other versions.
    #[error("version {version} of {api} is not served")]
    UnsupportedVersion { api: &'static str, version: i16 },
    /// A control-plane message did not decode.
    #[error("malformed {api} request: {reason}")]
    Control { api: &'static str, reason: kafka_wire_core::DecodeError },
    /// A response does not fit its version: a bug of ours.
    #[error("cannot encode the {api} response: {reason}")]
    Encode { api: &'static str, reason: String },
}

/// A topic as requests and responses of different versions name it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TopicKey {
    /// By name.
    Name(Text),
    /// By id (Produce and Fetch from version 13 on).
    Id(trine_types::Uuid),
}

impl TopicKey {
    /// A copy that does not keep the frame it was read from alive.
    #[must_use]
    pub fn detached(&self) -> Self {
        match self {
            Self::Name(name) => Self::Name(Text::from(name.as_str())),
            Self::Id(id) => Self::Id(*id),
        }
    }
}
