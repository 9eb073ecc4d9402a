//! What a service answers.

use serde::Serialize;

use crate::{
    Document, Protocol, ServiceError,
    document::{XmlError, write_members},
};

/// The body of a successful answer, without the protocol's envelope.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Output {
    /// A JSON object, or the `XResult` element; empty when the action has no output.
    pub(crate) body: Vec<u8>,
}

impl Output {
    /// The answer of an action without output.
    #[must_use]
    pub const fn void() -> Self {
        Self { body: Vec::new() }
    }

    /// An answer with members. Fails only on values the protocol cannot carry, which is a bug.
    pub fn new<T: Document + Serialize>(protocol: Protocol, action: &str, reply: &T) -> Result<Self, ServiceError> {
        let rendered = match protocol {
            Protocol::Json => reply.to_json().map_err(|e| XmlError(e.to_string())),
            Protocol::Query => {
                let mut text = String::new();
                write_members(&mut text, &format!("{action}Result"), T::SHAPE, reply).map(|()| text.into_bytes())
            }
        };
        match rendered {
            Ok(body) => Ok(Self { body }),
            Err(error) => {
                tracing::error!(action, %error, "an answer cannot be written");
                Err(ServiceError::internal())
            }
        }
    }

    /// The rendered body: a JSON object or an XML element.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }
}
