//! Checksums that clients compare (reference/sqs.md §6.11).

use ::md5::{Digest, Md5};
use sha2::Sha256;

use super::Attribute;

/// Transport type of a value that is text.
const TEXT: u8 = 1;
/// Transport type of a value that is bytes.
const BINARY: u8 = 2;

/// Hex MD5 of a body.
pub(crate) fn body_md5(body: &[u8]) -> String {
    hex(&Md5::digest(body))
}

/// Hex MD5 of each of several bodies.
pub(crate) fn bodies_md5(bodies: &[&[u8]]) -> Vec<String> {
    super::md5::many(bodies).iter().map(|sum| hex(sum)).collect()
}

/// Hex SHA-256 of a body: the deduplication id of a message that was sent without one.
pub(crate) fn body_sha256(body: &[u8]) -> String {
    hex(&Sha256::digest(body))
}

/// Hex MD5 over attributes: sorted by name, each part with its length. `None` without attributes.
pub(crate) fn attributes_md5<'a>(attributes: impl IntoIterator<Item = &'a Attribute>) -> Option<String> {
    let mut sorted: Vec<_> = attributes.into_iter().collect();
    if sorted.is_empty() {
        return None;
    }
    sorted.sort_unstable_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
    let mut md5 = Md5::new();
    for attribute in sorted {
        part(&mut md5, attribute.name.as_bytes());
        part(&mut md5, attribute.data_type.as_bytes());
        md5.update([if attribute.is_binary() { BINARY } else { TEXT }]);
        part(&mut md5, &attribute.value);
    }
    Some(hex(&md5.finalize()))
}

fn part(md5: &mut Md5, bytes: &[u8]) {
    // No part is longer than a message, which is at most 1 MiB.
    md5.update(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    md5.update(bytes);
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for b in bytes {
        text.push(char::from(DIGITS[usize::from(b >> 4)]));
        text.push(char::from(DIGITS[usize::from(b & 15)]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn md5(attributes: &[Attribute]) -> String {
        attributes_md5(attributes).unwrap()
    }

    #[test]
    fn vectors_recorded_from_the_service() {
        assert_eq!(body_md5(b"message"), "78e731027d8fd50ed642340b7c9a63b3");
        assert_eq!(bodies_md5(&[&b"message"[..]; 3]), ["78e731027d8fd50ed642340b7c9a63b3"; 3]);
        assert_eq!(body_sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(body_md5(b"hi"), "49f68a5c8493ec2c0bf489821c21fc3b");
        let string = |name, value| Attribute::text(name, "String", value);
        assert_eq!(md5(&[Attribute::text("timestamp", "Number", "1493147359900")]), "235c5c510d26fb653d073faed50ae77c");
        assert_eq!(
            md5(&[string("Hello", "There"), string("General", "Kenobi"), string("Help.Me", "Me")]),
            "4c360f3fdafd970e05fae2f149d997f5"
        );
        assert_eq!(md5(&[string("Hello", "There")]), "a311262e065454b75da111d535b8dacd");
        assert_eq!(md5(&[string("Foo", "Bar")]), "ae7155c6026991b6d54b11589678bf9c");
        assert_eq!(md5(&[string("k", "x")]), "a45daa70926828a2f0a1db3418e6feb4");
        let trace = b"traceparent\x1e00-774062d6c37081a5a0b9b5b88e30627c-2d2482211f6489da-01";
        assert_eq!(
            md5(&[Attribute { name: "attr1".into(), data_type: "Binary".into(), value: trace[..].into() }]),
            "8cbe4db156db8a94db8b801b7addb984"
        );
        assert_eq!(
            md5(&[string(
                "AWSTraceHeader",
                "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
            )]),
            "5ae4d5d7636402d80f4eb6d213245a88"
        );
        assert_eq!(attributes_md5(&[]), None);
    }

    #[test]
    fn the_order_given_does_not_matter() {
        let (a, b) = (Attribute::text("a", "String", "1"), Attribute::text("b", "String", "2"));
        assert_eq!(md5(&[a.clone(), b.clone()]), md5(&[b, a]));
    }
}
