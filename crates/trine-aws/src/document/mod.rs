//! Typed requests and answers in both protocols.
//!
//! JSON is read and written by serde alone. The Query protocol flattens lists and maps and gives them names of their own; a type says so in
//! [`Document::SHAPE`], and the form is turned into the tree JSON would have had.

mod form;
mod json;
mod json_of_xml;
mod tree;
mod xml;

use serde::{Serialize, de::DeserializeOwned};

pub use form::Form;
pub(crate) use form::hex;
pub use json::JsonObject;
pub(crate) use json_of_xml::json_of_xml;
pub(crate) use xml::{XmlError, escape_into, write_members};

use crate::Params;

/// A structure of a service's model.
pub trait Document {
    /// Members whose Query form differs from a plain `Name=value`; all others need no entry. `Value.StringValue` and the like need none either.
    const SHAPE: &'static [Member] = &[];

    /// The JSON of an answer. Only worth a definition of its own where much text is in it; then it must be what serde would write.
    fn to_json(&self) -> serde_json::Result<Vec<u8>>
    where
        Self: Serialize,
    {
        serde_json::to_vec(self)
    }
}

/// The Query form of one member.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// Name in JSON.
    pub name: &'static str,
    /// How it is flattened.
    pub shape: Shape,
}

/// How a member is flattened.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// A list: `Element.1`, `Element.2`, …; an un-numbered `Element` is a list of one.
    List {
        /// Names of the element: answers use the first, requests may use any.
        elements: &'static [&'static str],
        /// Members of the elements when these are structures.
        of: &'static [Member],
    },
    /// A map: `Element.1.Key` and `Element.1.Value`, and so on.
    Map {
        /// Names of the element: answers use the first, requests may use any.
        elements: &'static [&'static str],
        /// Name of the key.
        key: &'static str,
        /// Name of the value.
        value: &'static str,
        /// Members of the values when these are structures.
        of: &'static [Member],
    },
    /// A structure: `Member.Inner`.
    Structure(&'static [Member]),
    /// A scalar whose empty value (`Member=`, or just `Member`) says no more than leaving it out: numbers, tokens.
    OrNothing,
}

impl Member {
    /// A list of scalars, or of structures without lists and maps.
    #[must_use]
    pub const fn list(name: &'static str, elements: &'static [&'static str]) -> Self {
        Self::list_of(name, elements, &[])
    }

    /// A list of structures.
    #[must_use]
    pub const fn list_of(name: &'static str, elements: &'static [&'static str], of: &'static [Self]) -> Self {
        Self { name, shape: Shape::List { elements, of } }
    }

    /// A scalar that an empty value leaves out.
    #[must_use]
    pub const fn or_nothing(name: &'static str) -> Self {
        Self { name, shape: Shape::OrNothing }
    }

    /// A map to scalars, or to structures without lists and maps.
    #[must_use]
    pub const fn map(
        name: &'static str,
        elements: &'static [&'static str],
        key: &'static str,
        value: &'static str,
    ) -> Self {
        Self { name, shape: Shape::Map { elements, key, value, of: &[] } }
    }
}

/// Parameters that cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub(crate) String);

/// Reads a request.
pub(crate) fn decode<T: Document + DeserializeOwned>(params: &Params) -> Result<T, Malformed> {
    match params {
        Params::Json(body) => json(body),
        Params::Form(form) => {
            let tree = tree::object(form.root(), T::SHAPE);
            T::deserialize(tree).map_err(|e| Malformed(e.to_string()))
        }
    }
}

/// One object; nothing at all is an empty one. Depth is bounded by the parser (128), everything else by the body's length.
fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Malformed> {
    let body = body.trim_ascii();
    let body = if body.is_empty() { b"{}" } else { body };
    // A list would be read as a structure whose members come in order.
    if !body.starts_with(b"{") {
        return Err(Malformed("the body is not a JSON object".to_owned()));
    }
    serde_json::from_slice(body).map_err(|e| Malformed(e.to_string()))
}

#[cfg(test)]
mod tests;
