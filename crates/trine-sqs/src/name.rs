//! Queue names, URLs and ARNs as the protocol spells them (reference/sqs.md §1.4, §4.1).

use trine_types::QueueName;

use crate::SqsError;

/// Longest name in characters, `.fifo` included.
pub(crate) const NAME_CHARS_MAX: usize = 80;
/// What a FIFO queue's name ends with.
pub(crate) const FIFO_SUFFIX: &str = ".fifo";
/// Digits of an account.
const ACCOUNT_DIGITS: usize = 12;

/// Whether the protocol can spell a queue's name. The server's other edges allow more; such queues do not exist here (decision Q11).
pub(crate) fn spellable(name: &str) -> bool {
    let stem = name.strip_suffix(FIFO_SUFFIX).unwrap_or(name);
    !stem.is_empty() && name.len() <= NAME_CHARS_MAX && stem.bytes().all(is_name_byte)
}

const fn is_name_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')
}

/// Checks the name of a queue to be made. A FIFO queue's name ends with `.fifo`, no other's does.
pub(crate) fn parse_new(name: &str, fifo: bool) -> Result<QueueName, SqsError> {
    let well_formed = spellable(name) && name.ends_with(FIFO_SUFFIX) == fifo;
    match QueueName::parse(name) {
        Ok(parsed) if well_formed => Ok(parsed),
        _ if fifo => Err(SqsError::invalid(
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 \
             in length",
        )),
        _ => Err(SqsError::invalid(
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
        )),
    }
}

/// The name of a queue to be looked up; a name no queue of the protocol can have is a queue that does not exist.
pub(crate) fn parse_existing(name: &str) -> Result<QueueName, SqsError> {
    if !spellable(name) {
        return Err(SqsError::no_queue());
    }
    QueueName::parse(name).map_err(|_| SqsError::no_queue())
}

/// Where a queue is, as a request names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place<'a> {
    /// Account, when one is named.
    pub(crate) account: Option<&'a str>,
    /// The queue's name, unchecked.
    pub(crate) name: &'a str,
}

impl<'a> Place<'a> {
    /// Reads a queue URL of any host, its path alone, or a bare name. Scheme, host, port and anything before the last two parts of the path say nothing.
    pub(crate) fn of_url(url: &'a str) -> Option<Self> {
        let path = match url.split_once("://") {
            Some((_, rest)) => rest.split_once('/')?.1,
            None => url,
        };
        let path = path.split(['?', '#']).next().unwrap_or_default().trim_matches('/');
        let mut parts = path.rsplit('/');
        let name = parts.next().filter(|name| !name.is_empty())?;
        let account = parts.next().filter(|account| is_account(account));
        Some(Self { account, name })
    }

    /// Reads the path a request was sent to: `/<account>/<name>`; anything else names no queue.
    pub(crate) fn of_path(path: &'a str) -> Option<Self> {
        let place = Self::of_url(path.split('?').next().unwrap_or_default())?;
        place.account.is_some().then_some(place)
    }

    /// Reads `arn:aws:sqs:<region>:<account>:<name>`; partitions such as `aws-cn` count, the region does not.
    pub(crate) fn of_arn(arn: &'a str) -> Option<Self> {
        let mut parts = arn.splitn(6, ':');
        let (scheme, partition, service) = (parts.next()?, parts.next()?, parts.next()?);
        let (_region, account, name) = (parts.next()?, parts.next()?, parts.next()?);
        let well_formed = scheme == "arn" && partition.starts_with("aws") && service == "sqs" && is_account(account);
        (well_formed && !name.is_empty()).then_some(Self { account: Some(account), name })
    }
}

pub(crate) fn is_account(text: &str) -> bool {
    text.len() == ACCOUNT_DIGITS && text.bytes().all(|b| b.is_ascii_digit())
}

/// A queue's URL under the address the client used.
pub(crate) fn url(base: &str, account: &str, name: &str) -> String {
    format!("{}/{account}/{name}", base.trim_end_matches('/'))
}

/// A queue's ARN.
pub(crate) fn arn(region: &str, account: &str, name: &str) -> String {
    format!("arn:aws:sqs:{region}:{account}:{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_new_queues() {
        for good in ["a", "A-b_9", &"x".repeat(80)] {
            assert_eq!(parse_new(good, false).unwrap().as_str(), good);
        }
        for good in ["a.fifo", &format!("{}.fifo", "x".repeat(75))] {
            assert_eq!(parse_new(good, true).unwrap().as_str(), good);
        }
        for bad in ["", "a.b", "a b", "ä", "a/b", "a.fifo", ".fifo", &"x".repeat(81)] {
            assert_eq!(
                parse_new(bad, false).unwrap_err().message,
                "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
                "{bad:?}"
            );
        }
        for bad in ["a", ".fifo", "a.fifo.fifo", "a b.fifo", &format!("{}.fifo", "x".repeat(76))] {
            assert_eq!(
                parse_new(bad, true).unwrap_err().message,
                "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 \
                 to 80 in length",
                "{bad:?}"
            );
        }
    }

    #[test]
    fn urls_say_account_and_name_whatever_the_host() {
        let place = |account, name| Some(Place { account, name });
        for (url, want) in [
            ("http://localhost:9324/000000000000/q", place(Some("000000000000"), "q")),
            ("https://sqs.eu-west-1.amazonaws.com/123456789012/q.fifo", place(Some("123456789012"), "q.fifo")),
            ("https://queue.amazonaws.com/123456789012/q/", place(Some("123456789012"), "q")),
            ("http://host/queue/eu-west-1/123456789012/q", place(Some("123456789012"), "q")),
            ("/123456789012/q?x=y", place(Some("123456789012"), "q")),
            ("http://host/queue/q", place(None, "q")),
            ("q", place(None, "q")),
            ("http://host", None),
            ("http://host/", None),
            ("", None),
            ("/", None),
        ] {
            assert_eq!(Place::of_url(url), want, "{url:?}");
        }
    }

    #[test]
    fn a_path_names_a_queue_only_with_its_account() {
        assert_eq!(Place::of_path("/000000000000/q"), Some(Place { account: Some("000000000000"), name: "q" }));
        assert_eq!(Place::of_path("/q"), None);
        assert_eq!(Place::of_path("/"), None);
    }

    #[test]
    fn arns() {
        let arn = arn("eu-west-1", "123456789012", "q");
        assert_eq!(Place::of_arn(&arn), Some(Place { account: Some("123456789012"), name: "q" }));
        assert!(Place::of_arn("arn:aws-cn:sqs:cn-north-1:123456789012:q").is_some());
        for bad in ["", "arn", "arn:aws:sns:r:123456789012:q", "arn:aws:sqs:r:12:q", "arn:aws:sqs:r:123456789012:", "q"]
        {
            assert_eq!(Place::of_arn(bad), None, "{bad:?}");
        }
        assert_eq!(url("http://h:1/", "000000000000", "q"), "http://h:1/000000000000/q");
    }
}
