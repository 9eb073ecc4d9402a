//! Query answers as JSON, for whoever accepts JSON and not XML: the same elements, as the service negotiates them for its forms.
//!
//! An element with elements inside is an object, one with text is a string, an empty one is null, and elements of one name in a row are an array. So a
//! list of one looks like its element: that is what programs written against this form expect.

use serde_json::{Map, Value};

/// Converts an XML document that this crate wrote; `None` for anything else. Attributes are left out.
pub(crate) fn json_of_xml(xml: &str) -> Option<Value> {
    let xml = xml.trim_start();
    let xml = match xml.strip_prefix("<?") {
        Some(rest) => rest.split_once("?>")?.1,
        None => xml,
    };
    let (name, value, _) = element(xml)?;
    Some(Value::Object(Map::from_iter([(name.to_owned(), value)])))
}

/// An element's name and value, and what follows it. As deep as the answer's shape is.
fn element(text: &str) -> Option<(&str, Value, &str)> {
    let (open, mut rest) = text.strip_prefix('<')?.split_once('>')?;
    let name = open.trim_end_matches('/').split(' ').next()?;
    if open.ends_with('/') {
        return Some((name, Value::Null, rest));
    }
    let mut members = Map::new();
    while rest.starts_with('<') && !rest.starts_with("</") {
        let (child, value, after) = element(rest)?;
        rest = after;
        match members.get_mut(child) {
            None => drop(members.insert(child.to_owned(), value)),
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    let (content, rest) = rest.split_once("</")?;
    let rest = rest.strip_prefix(name)?.strip_prefix('>')?;
    let value = match (members.is_empty(), content.is_empty()) {
        (false, _) => Value::Object(members),
        (true, true) => Value::Null,
        (true, false) => Value::String(unescaped(content)),
    };
    Some((name, value, rest))
}

/// Text without the escapes of [`super::escape_into`].
fn unescaped(text: &str) -> String {
    const ESCAPES: [(&str, char); 5] = [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>'), ("&quot;", '"'), ("&#xD;", '\r')];
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let (escape, c) = ESCAPES.into_iter().find(|(escape, _)| from.starts_with(escape)).unwrap_or(("&", '&'));
        out.push(c);
        rest = from.get(escape.len()..).unwrap_or_default();
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::document::escape_into;

    #[test]
    fn elements_are_objects_strings_arrays_and_nulls() {
        let xml = "<?xml version=\"1.0\"?><XResponse xmlns=\"http://x/\"><XResult><M><B>a &amp; b</B></M><M/><N>1</N><E></E></XResult><R/></XResponse>";
        let value =
            json!({ "XResponse": { "XResult": { "M": [{ "B": "a & b" }, null], "N": "1", "E": null }, "R": null } });
        assert_eq!(json_of_xml(xml), Some(value));
    }

    #[test]
    fn what_is_no_document_of_ours_is_nothing() {
        for text in ["", "x", "<", "<a", "<a>", "<a>x", "<a></b>", "<a><b></a>", "<?xml", "</a>"] {
            assert_eq!(json_of_xml(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_comes_through_the_escapes(text in "[ -~\r\n\u{e4}\u{1f600}]{1,40}") {
            let mut xml = "<a>".to_owned();
            escape_into(&mut xml, &text);
            xml.push_str("</a>");
            prop_assert_eq!(json_of_xml(&xml), Some(json!({ "a": text })));
        }

        #[test]
        fn no_text_breaks_it(text in "[<>/a&;? b\"=]{0,40}") {
            let _ = json_of_xml(&text);
        }
    }
}
