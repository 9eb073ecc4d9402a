//! Answers as XML: a serde serializer that flattens lists and maps as the shape says.

use std::fmt::{self, Display, Write};

use serde::{
    Serialize, Serializer,
    ser::{self, Impossible},
};

use super::{Member, Shape};

/// A value that the Query protocol cannot carry: a bug of a service's types.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct XmlError(pub(crate) String);

impl ser::Error for XmlError {
    fn custom<T: Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

impl From<fmt::Error> for XmlError {
    fn from(_: fmt::Error) -> Self {
        Self("a value cannot be formatted".to_owned())
    }
}

/// Writes `<name>members</name>`, or `<name/>` when nothing is in it.
pub(crate) fn write_members<T: Serialize>(
    out: &mut String,
    name: &str,
    shape: &'static [Member],
    value: &T,
) -> Result<(), XmlError> {
    value.serialize(Element { out, name, shape: Shape::Structure(shape) })
}

/// Text as XML. Line ends are escaped, too: a parser would turn CR LF into LF, and clients compare checksums of the body. So does the service itself;
/// it also escapes the quotation mark.
pub(crate) fn escape_into(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#xD;"),
            // Characters XML 1.0 has no way to write; a message cannot hold them, an error's text can repeat them.
            '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
}

/// Where a value goes: into an element of this name, flattened by this shape.
struct Element<'a> {
    out: &'a mut String,
    name: &'a str,
    shape: Shape,
}

/// A scalar or a structure without lists and maps.
const PLAIN: Shape = Shape::Structure(&[]);

impl Element<'_> {
    fn text(self, text: &str) -> Result<(), XmlError> {
        write!(self.out, "<{}>", self.name)?;
        escape_into(self.out, text);
        write!(self.out, "</{}>", self.name)?;
        Ok(())
    }
}

macro_rules! scalars {
    ($($method:ident: $type:ty),*) => {$(
        fn $method(self, value: $type) -> Result<(), XmlError> {
            self.text(&value.to_string())
        }
    )*};
}

impl<'a> Serializer for Element<'a> {
    type Ok = ();
    type Error = XmlError;
    type SerializeSeq = Sequence<'a>;
    type SerializeTuple = Sequence<'a>;
    type SerializeTupleStruct = Impossible<(), XmlError>;
    type SerializeTupleVariant = Impossible<(), XmlError>;
    type SerializeMap = Entries<'a>;
    type SerializeStruct = Structure<'a>;
    type SerializeStructVariant = Impossible<(), XmlError>;

    scalars!(
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_u8: u8,
        serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_f32: f32, serialize_f64: f64, serialize_char: char
    );

    fn serialize_str(self, text: &str) -> Result<(), XmlError> {
        self.text(text)
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), XmlError> {
        Err(XmlError(format!("{} holds raw bytes; blobs are base64 text", self.name)))
    }

    fn serialize_none(self) -> Result<(), XmlError> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), XmlError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), XmlError> {
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), XmlError> {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), XmlError> {
        self.text(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), XmlError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: &T,
    ) -> Result<(), XmlError> {
        Err(XmlError(format!("{variant} is a variant with a value")))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Sequence<'a>, XmlError> {
        let (name, of) = match self.shape {
            Shape::List { elements, of } => (elements.first().copied().unwrap_or(self.name), of),
            _ => (self.name, [].as_slice()),
        };
        Ok(Sequence { out: self.out, name, of })
    }

    fn serialize_tuple(self, len: usize) -> Result<Sequence<'a>, XmlError> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_struct(self, name: &'static str, _: usize) -> Result<Self::SerializeTupleStruct, XmlError> {
        Err(XmlError(format!("{name} is a tuple")))
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, XmlError> {
        Err(XmlError(format!("{name} is a variant with values")))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Entries<'a>, XmlError> {
        let Shape::Map { elements, key, value, of } = self.shape else {
            return Err(XmlError(format!("the shape says nothing of the map {}", self.name)));
        };
        Ok(Entries { out: self.out, element: elements.first().copied().unwrap_or(self.name), key, value, of })
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Structure<'a>, XmlError> {
        let members = match self.shape {
            Shape::Structure(members) => members,
            _ => &[],
        };
        write!(self.out, "<{}>", self.name)?;
        let start = self.out.len();
        Ok(Structure { out: self.out, name: self.name, members, start })
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, XmlError> {
        Err(XmlError(format!("{name} is a variant with members")))
    }
}

/// Elements one after the other.
struct Sequence<'a> {
    out: &'a mut String,
    name: &'a str,
    of: &'static [Member],
}

impl ser::SerializeSeq for Sequence<'_> {
    type Ok = ();
    type Error = XmlError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), XmlError> {
        value.serialize(Element { out: self.out, name: self.name, shape: Shape::Structure(self.of) })
    }

    fn end(self) -> Result<(), XmlError> {
        Ok(())
    }
}

impl ser::SerializeTuple for Sequence<'_> {
    type Ok = ();
    type Error = XmlError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), XmlError> {
        ser::SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Result<(), XmlError> {
        Ok(())
    }
}

/// Elements with a key and a value each.
struct Entries<'a> {
    out: &'a mut String,
    element: &'a str,
    key: &'static str,
    value: &'static str,
    of: &'static [Member],
}

impl ser::SerializeMap for Entries<'_> {
    type Ok = ();
    type Error = XmlError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), XmlError> {
        write!(self.out, "<{}>", self.element)?;
        key.serialize(Element { out: self.out, name: self.key, shape: PLAIN })
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), XmlError> {
        value.serialize(Element { out: self.out, name: self.value, shape: Shape::Structure(self.of) })?;
        write!(self.out, "</{}>", self.element)?;
        Ok(())
    }

    fn end(self) -> Result<(), XmlError> {
        Ok(())
    }
}

/// A structure's members.
struct Structure<'a> {
    out: &'a mut String,
    name: &'a str,
    members: &'static [Member],
    start: usize,
}

impl ser::SerializeStruct for Structure<'_> {
    type Ok = ();
    type Error = XmlError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), XmlError> {
        let shape = self.members.iter().find(|m| m.name == name).map_or(PLAIN, |m| m.shape);
        value.serialize(Element { out: self.out, name, shape })
    }

    fn end(self) -> Result<(), XmlError> {
        if self.out.len() == self.start {
            // Nothing inside: `<X/>` instead of `<X></X>`, as the service writes it.
            self.out.pop();
            self.out.push_str("/>");
        } else {
            write!(self.out, "</{}>", self.name)?;
        }
        Ok(())
    }
}
