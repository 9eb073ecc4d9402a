//! What a message may contain: body, user attributes, system attributes, ids; its size, its checksums and how it is kept.

mod attribute;
mod digest;
mod ids;
mod md5;
mod number;
mod selection;
mod sequence;
mod stored;
mod text;

pub(crate) use attribute::{Attribute, AttributeValue, RawAttributes, check_attributes, check_system};
pub(crate) use digest::{attributes_md5, bodies_md5, body_md5, body_sha256};
pub(crate) use ids::check_id;
pub(crate) use selection::{AttributeFilter, SystemAttribute, SystemSelection};
pub(crate) use sequence::sequence_number;
pub(crate) use stored::{Stored, headers_of};
pub(crate) use text::legal;

/// Bytes that count against a queue's largest message: the body and, of every user attribute, name, data type and value. System attributes are free.
pub(crate) fn size_of(body: &str, attributes: &[Attribute]) -> usize {
    attributes.iter().fold(body.len(), |sum, a| sum + a.name.len() + a.data_type.len() + a.value.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_counts_body_and_user_attributes_in_bytes() {
        let attribute = Attribute::text("ab", "String", "äö");
        assert_eq!(size_of("ä", &[]), 2);
        assert_eq!(size_of("ä", &[attribute]), 2 + 2 + 6 + 4);
    }
}
