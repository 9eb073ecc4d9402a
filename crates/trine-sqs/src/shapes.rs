//! Query forms of members that several actions have (reference/sqs.md §1.3).

use trine_aws::Member;

/// `AttributeName.1` and the like.
pub(crate) const fn list(json: &'static str, elements: &'static [&'static str]) -> Member {
    Member::list(json, elements)
}

/// `Attribute.1.Name`, `Attribute.1.Value`.
pub(crate) const ATTRIBUTES: Member = Member::map("Attributes", &["Attribute"], "Name", "Value");

/// `Tag.1.Key`, `Tag.1.Value`; some write `Tags`.
pub(crate) const TAGS: Member = Member::map("Tags", &["Tag", "Tags"], "Key", "Value");

/// `MessageAttribute.1.Name`, `MessageAttribute.1.Value.DataType` and so on.
pub(crate) const MESSAGE_ATTRIBUTES: Member = Member::map("MessageAttributes", &["MessageAttribute"], "Name", "Value");

/// `MessageSystemAttribute.1.Name` and so on.
pub(crate) const SYSTEM_ATTRIBUTES: Member =
    Member::map("MessageSystemAttributes", &["MessageSystemAttribute"], "Name", "Value");

/// Entries of a batch that failed, in its result.
pub(crate) const FAILED: Member = Member::list("Failed", &["BatchResultErrorEntry"]);
