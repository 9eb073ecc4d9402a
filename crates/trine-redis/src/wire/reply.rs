//! The reply writer.

/// Protocol version of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) enum Resp {
    /// RESP2.
    #[default]
    V2,
    /// RESP3.
    V3,
}

/// Replies under construction.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    bytes: Vec<u8>,
    /// The version everything after is written in.
    pub(crate) resp: Resp,
}
