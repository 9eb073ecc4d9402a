//! Which attributes a receive returns (reference/sqs.md §4.3).

/// What the service knows about a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SystemAttribute {
    SenderId,
    SentTimestamp,
    ApproximateReceiveCount,
    ApproximateFirstReceiveTimestamp,
    SequenceNumber,
    MessageDeduplicationId,
    MessageGroupId,
    AwsTraceHeader,
    DeadLetterQueueSourceArn,
}

impl SystemAttribute {
    /// All of them.
    pub(crate) const ALL: [Self; 9] = [
        Self::SenderId,
        Self::SentTimestamp,
        Self::ApproximateReceiveCount,
        Self::ApproximateFirstReceiveTimestamp,
        Self::SequenceNumber,
        Self::MessageDeduplicationId,
        Self::MessageGroupId,
        Self::AwsTraceHeader,
        Self::DeadLetterQueueSourceArn,
    ];

    /// Name on the wire.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::SenderId => "SenderId",
            Self::SentTimestamp => "SentTimestamp",
            Self::ApproximateReceiveCount => "ApproximateReceiveCount",
            Self::ApproximateFirstReceiveTimestamp => "ApproximateFirstReceiveTimestamp",
            Self::SequenceNumber => "SequenceNumber",
            Self::MessageDeduplicationId => "MessageDeduplicationId",
            Self::MessageGroupId => "MessageGroupId",
            Self::AwsTraceHeader => "AWSTraceHeader",
            Self::DeadLetterQueueSourceArn => "DeadLetterQueueSourceArn",
        }
    }
}

/// The system attributes a receive asked for. Names nobody knows match nothing, without an error.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct SystemSelection(u16);

impl SystemSelection {
    /// The union of the old and the new parameter.
    pub(crate) fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut bits = 0;
        for name in names {
            for attribute in SystemAttribute::ALL {
                if name == "All" || name == attribute.as_str() {
                    bits |= 1 << attribute as u16;
                }
            }
        }
        Self(bits)
    }

    /// Whether one was asked for.
    pub(crate) const fn has(self, attribute: SystemAttribute) -> bool {
        self.0 & (1 << attribute as u16) != 0
    }
}

/// Names and prefixes of user attributes a receive asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct AttributeFilter {
    all: bool,
    exact: Vec<String>,
    prefixes: Vec<String>,
}

impl AttributeFilter {
    /// `All`, `.*` and `*` are all of them, `Hel.*` is a prefix, anything else a name.
    pub(crate) fn of(names: Vec<String>) -> Self {
        let mut filter = Self::default();
        for name in names {
            match name.as_str() {
                "All" | ".*" | "*" => filter.all = true,
                text => match text.strip_suffix(".*") {
                    Some(prefix) => filter.prefixes.push(prefix.to_owned()),
                    None => filter.exact.push(name),
                },
            }
        }
        filter
    }

    /// Whether an attribute was asked for.
    pub(crate) fn matches(&self, name: &str) -> bool {
        self.all
            || self.exact.iter().any(|exact| exact == name)
            || self.prefixes.iter().any(|prefix| name.starts_with(prefix.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_attributes_are_the_union_of_what_is_asked_for() {
        let selection = SystemSelection::of(["SenderId", "Nonsense", "AWSTraceHeader"]);
        assert!(selection.has(SystemAttribute::SenderId) && selection.has(SystemAttribute::AwsTraceHeader));
        assert!(!selection.has(SystemAttribute::SentTimestamp));
        let all = SystemSelection::of(["SenderId", "All"]);
        assert!(SystemAttribute::ALL.into_iter().all(|a| all.has(a)));
        assert_eq!(SystemSelection::of([]), SystemSelection::default());
    }

    #[test]
    fn user_attributes_by_name_and_prefix() {
        let filter = |names: &[&str]| AttributeFilter::of(names.iter().map(|n| (*n).to_owned()).collect());
        for all in ["All", ".*", "*"] {
            assert!(filter(&[all]).matches("anything"));
        }
        assert!(filter(&["Hel.*"]).matches("Hello") && filter(&["Hel.*"]).matches("Hel"));
        assert!(!filter(&["Hel.*"]).matches("hello"));
        assert!(filter(&["Hello"]).matches("Hello") && !filter(&["Hello"]).matches("Hello2"));
        assert!(!filter(&["%&/$"]).matches("Hello"));
        assert!(!filter(&[]).matches("a"));
    }
}
