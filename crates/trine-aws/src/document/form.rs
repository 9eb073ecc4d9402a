//! `application/x-www-form-urlencoded` parameters, as a tree by the dots in their names.

use std::collections::BTreeMap;

use super::Malformed;

/// Most parameters of a request. The largest legal one, a batch of ten messages with ten attributes each, has about four hundred.
pub(crate) const PARAMS_MAX: usize = 4096;
/// Deepest name: `SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.StringValue` has six parts.
pub(crate) const NAME_PARTS_MAX: usize = 8;
/// Longest name in bytes.
pub(crate) const NAME_BYTES_MAX: usize = 256;

/// Parameters of a query string and a form body together.
#[derive(Clone, Debug, Default)]
pub struct Form {
    root: Node,
    params: usize,
}

/// The parameters whose names share a beginning.
#[derive(Clone, Debug, Default)]
pub(crate) struct Node {
    pub(crate) value: Option<String>,
    pub(crate) children: BTreeMap<String, Node>,
}

impl Form {
    /// Adds encoded parameters (`a=1&b=2`). Of a name that comes twice the first value stays.
    pub fn add(&mut self, encoded: &[u8]) -> Result<(), Malformed> {
        for pair in encoded.split(|b| *b == b'&').filter(|pair| !pair.is_empty()) {
            self.params += 1;
            if self.params > PARAMS_MAX {
                return Err(Malformed(format!("the request has more than {PARAMS_MAX} parameters")));
            }
            let at = pair.iter().position(|b| *b == b'=').unwrap_or(pair.len());
            let (name, value) = pair.split_at(at);
            let name = decoded(name)?;
            let value = decoded(value.strip_prefix(b"=").unwrap_or(value))?;
            if name.len() > NAME_BYTES_MAX {
                return Err(Malformed(format!(
                    "a parameter name has {} bytes; at most {NAME_BYTES_MAX} are allowed",
                    name.len()
                )));
            }
            let mut node = &mut self.root;
            for (depth, part) in name.split('.').enumerate() {
                if depth >= NAME_PARTS_MAX {
                    return Err(Malformed(format!("the parameter {name} has more than {NAME_PARTS_MAX} parts")));
                }
                node = node.children.entry(part.to_owned()).or_default();
            }
            node.value.get_or_insert(value);
        }
        Ok(())
    }

    /// The parameters of one query string or body.
    pub fn parse(encoded: &[u8]) -> Result<Self, Malformed> {
        let mut form = Self::default();
        form.add(encoded)?;
        Ok(form)
    }

    /// A parameter by its whole name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let node = name.split('.').try_fold(&self.root, |node, part| node.children.get(part))?;
        node.value.as_deref()
    }

    pub(crate) const fn root(&self) -> &Node {
        &self.root
    }
}

/// Percent-decoded text, `+` for a space. A `%` that begins no escape stands for itself, as everywhere on the web.
fn decoded(encoded: &[u8]) -> Result<String, Malformed> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (first, tail) {
            (b'+', _) => bytes.push(b' '),
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    bytes.push(high << 4 | low);
                    rest = after;
                }
                _ => bytes.push(b'%'),
            },
            (other, _) => bytes.push(*other),
        }
    }
    String::from_utf8(bytes).map_err(|_| Malformed("a parameter is not UTF-8 text".to_owned()))
}

/// The value of a hexadecimal digit.
pub(crate) const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_decoded() {
        let form =
            Form::parse(b"Action=SendMessage&MessageBody=a+b%26%c3%A4&Empty=&Bare&x=1&x=2&&p=100%&q=%zz").unwrap();
        for (name, value) in [
            ("Action", "SendMessage"),
            ("MessageBody", "a b&ä"),
            ("Empty", ""),
            ("Bare", ""),
            ("x", "1"),
            ("p", "100%"),
            ("q", "%zz"),
        ] {
            assert_eq!(form.get(name), Some(value), "{name}");
        }
        assert_eq!(form.get("absent"), None);
        assert_eq!(form.get("Action.x"), None);
    }

    #[test]
    fn bombs_cost_one_error() {
        assert!(Form::parse("a=1&".repeat(PARAMS_MAX).as_bytes()).is_ok());
        for (bomb, says) in [
            ("a=1&".repeat(PARAMS_MAX + 1), "more than 4096 parameters"),
            ("a.".repeat(NAME_PARTS_MAX) + "b=1", "more than 8 parts"),
            ("a".repeat(NAME_BYTES_MAX + 1), "at most 256"),
            ("a=%ff".to_owned(), "not UTF-8"),
        ] {
            let error = Form::parse(bomb.as_bytes()).unwrap_err();
            assert!(error.to_string().contains(says), "{error}");
        }
    }
}
