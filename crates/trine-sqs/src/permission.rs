//! The policy document that AddPermission and RemovePermission write (reference/sqs.md §4.1).

use serde_json::{Map, Value as Json, json};

use crate::{ErrorKind, SqsError, error::shorten};

/// Most actions of one statement.
const ACTIONS_MAX: usize = 7;
/// Longest label.
const LABEL_CHARS_MAX: usize = 80;
/// Most accounts of one statement.
const ACCOUNTS_MAX: usize = 50;
/// Most statements of a queue's policy.
const STATEMENTS_MAX: usize = 20;

/// Whether a label is well formed.
fn label_ok(label: &str) -> bool {
    (1..=LABEL_CHARS_MAX).contains(&label.len())
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// A statement to add.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Permission<'a> {
    /// Names the statement.
    pub(crate) label: &'a str,
    /// Who.
    pub(crate) accounts: &'a [String],
    /// What; without `SQS:`.
    pub(crate) actions: &'a [String],
}

impl Permission<'_> {
    /// Checks everything but whether the label is taken. `open` says whether the owner can allow an action to others, `None` for no action at all.
    pub(crate) fn check(&self, open: impl Fn(&str) -> Option<bool>) -> Result<(), SqsError> {
        if !label_ok(self.label) {
            return Err(SqsError::parameter(
                shorten(self.label),
                "Label",
                "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length.",
            ));
        }
        if self.actions.len() > ACTIONS_MAX {
            let found = self.actions.len();
            return Err(SqsError::new(
                ErrorKind::OverLimit,
                format!("{found} Actions were found, maximum allowed is {ACTIONS_MAX}."),
            ));
        }
        let well_formed = |account: &String| crate::name::is_account(account);
        if self.accounts.is_empty() || self.accounts.len() > ACCOUNTS_MAX || !self.accounts.iter().all(well_formed) {
            let shown = format!("[{}]", self.accounts.join(", "));
            return Err(SqsError::parameter(shorten(&shown), "PrincipalId", "Unable to verify."));
        }
        for action in self.actions {
            match open(action) {
                Some(true) => {}
                Some(false) => {
                    return Err(SqsError::parameter(
                        format_args!("SQS:{action}"),
                        "ActionName",
                        "Only the queue owner is allowed to invoke this action.",
                    ));
                }
                None => {
                    return Err(SqsError::parameter(
                        format_args!("SQS:{}", shorten(action)),
                        "ActionName",
                        "Please refer to the appropriate WSDL for a list of valid actions.",
                    ));
                }
            }
        }
        Ok(())
    }
}

/// A queue's policy with one more statement.
pub(crate) fn add(policy: Option<&str>, arn: &str, permission: Permission<'_>) -> Result<String, SqsError> {
    let mut document = match policy.map(serde_json::from_str) {
        Some(Ok(Json::Object(document))) => document,
        _ => Map::from_iter([
            ("Version".to_owned(), json!("2008-10-17")),
            ("Id".to_owned(), json!(format!("{arn}/SQSDefaultPolicy"))),
        ]),
    };
    let mut statements = statements(document.remove("Statement"));
    if statements.iter().any(|s| has_label(s, permission.label)) {
        return Err(SqsError::parameter(permission.label, "Label", "Already exists."));
    }
    if statements.len() >= STATEMENTS_MAX {
        return Err(SqsError::new(
            ErrorKind::OverLimit,
            format!("{} Statements were found, maximum allowed is {STATEMENTS_MAX}.", statements.len() + 1),
        ));
    }
    let principals = permission.accounts.iter().map(|account| format!("arn:aws:iam::{account}:root")).collect();
    let actions = permission.actions.iter().map(|action| format!("SQS:{action}")).collect();
    statements.push(json!({
        "Sid": permission.label,
        "Effect": "Allow",
        "Principal": { "AWS": one_or_many(principals) },
        "Action": one_or_many(actions),
        "Resource": arn,
    }));
    document.insert("Statement".to_owned(), Json::Array(statements));
    Ok(Json::Object(document).to_string())
}

/// A queue's policy without a statement; nothing is left when it was the last.
pub(crate) fn remove(policy: Option<&str>, label: &str) -> Result<Option<String>, SqsError> {
    let unknown = || SqsError::parameter(shorten(label), "Label", "can't find label.");
    let Some(Ok(Json::Object(mut document))) = policy.map(serde_json::from_str) else { return Err(unknown()) };
    let mut statements = statements(document.remove("Statement"));
    let before = statements.len();
    statements.retain(|s| !has_label(s, label));
    if statements.len() == before {
        return Err(unknown());
    }
    if statements.is_empty() {
        return Ok(None);
    }
    document.insert("Statement".to_owned(), Json::Array(statements));
    Ok(Some(Json::Object(document).to_string()))
}

fn has_label(statement: &Json, label: &str) -> bool {
    statement.get("Sid").and_then(Json::as_str) == Some(label)
}

/// A policy may have one statement without a list around it.
fn statements(value: Option<Json>) -> Vec<Json> {
    match value {
        Some(Json::Array(statements)) => statements,
        Some(one @ Json::Object(_)) => vec![one],
        _ => Vec::new(),
    }
}

fn one_or_many(mut texts: Vec<String>) -> Json {
    if texts.len() == 1 { json!(texts.remove(0)) } else { json!(texts) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:sqs:us-east-1:000000000000:q";

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|t| (*t).to_owned()).collect()
    }

    fn open(action: &str) -> Option<bool> {
        match action {
            "*" | "SendMessage" | "ReceiveMessage" => Some(true),
            "CreateQueue" => Some(false),
            _ => None,
        }
    }

    #[test]
    fn a_statement_comes_and_goes() {
        let (accounts, actions) = (texts(&["111111111111"]), texts(&["SendMessage"]));
        let permission = Permission { label: "a", accounts: &accounts, actions: &actions };
        let policy = add(None, ARN, permission).unwrap();
        assert_eq!(
            serde_json::from_str::<Json>(&policy).unwrap(),
            json!({
                "Version": "2008-10-17",
                "Id": "arn:aws:sqs:us-east-1:000000000000:q/SQSDefaultPolicy",
                "Statement": [{
                    "Sid": "a",
                    "Effect": "Allow",
                    "Principal": { "AWS": "arn:aws:iam::111111111111:root" },
                    "Action": "SQS:SendMessage",
                    "Resource": ARN,
                }],
            })
        );
        let (accounts, actions) = (texts(&["111111111111", "222222222222"]), texts(&["SendMessage", "ReceiveMessage"]));
        let two = add(Some(&policy), ARN, Permission { label: "b", accounts: &accounts, actions: &actions }).unwrap();
        let document: Json = serde_json::from_str(&two).unwrap();
        assert_eq!(
            document["Statement"][1]["Principal"]["AWS"],
            json!(["arn:aws:iam::111111111111:root", "arn:aws:iam::222222222222:root"])
        );
        assert_eq!(document["Statement"][1]["Action"], json!(["SQS:SendMessage", "SQS:ReceiveMessage"]));
        assert_eq!(
            add(Some(&two), ARN, permission).unwrap_err().message,
            "Value a for parameter Label is invalid. Reason: Already exists."
        );
        let one = remove(Some(&two), "b").unwrap().unwrap();
        assert_eq!(serde_json::from_str::<Json>(&one).unwrap(), serde_json::from_str::<Json>(&policy).unwrap());
        assert_eq!(remove(Some(&one), "a").unwrap(), None);
        for policy in [None, Some(&*one), Some("rubbish")] {
            assert_eq!(
                remove(policy, "c").unwrap_err().message,
                "Value c for parameter Label is invalid. Reason: can't find label."
            );
        }
    }

    #[test]
    fn what_is_refused() {
        let check = |label: &str, accounts: &[&str], actions: &[&str]| {
            let (accounts, actions) = (texts(accounts), texts(actions));
            let error = Permission { label, accounts: &accounts, actions: &actions }.check(open).unwrap_err();
            (error.kind, error.message.into_owned())
        };
        let account = &["111111111111"][..];
        assert_eq!(
            check("a", account, &["SendMessage"; 8]),
            (ErrorKind::OverLimit, "8 Actions were found, maximum allowed is 7.".to_owned())
        );
        assert_eq!(
            check("a", &[], &["SendMessage"]).1,
            "Value [] for parameter PrincipalId is invalid. Reason: Unable to verify."
        );
        assert!(check("a", &["12"], &["SendMessage"]).1.contains("PrincipalId"));
        assert_eq!(
            check("a", account, &["CreateQueue"]).1,
            "Value SQS:CreateQueue for parameter ActionName is invalid. Reason: Only the queue owner is allowed to invoke this action."
        );
        assert!(check("a", account, &["Fly"]).1.contains("ActionName"));
        assert!(check("a b", account, &["*"]).1.starts_with("Value a b for parameter Label is invalid."));
        let accounts = texts(account);
        Permission { label: "a-_9", accounts: &accounts, actions: &texts(&["*", "SendMessage"]) }.check(open).unwrap();
    }

    #[test]
    fn statements_are_bounded() {
        let (accounts, actions) = (texts(&["111111111111"]), texts(&["*"]));
        let mut policy = None;
        for i in 0..STATEMENTS_MAX {
            let label = format!("l{i}");
            let permission = Permission { label: &label, accounts: &accounts, actions: &actions };
            policy = Some(add(policy.as_deref(), ARN, permission).unwrap());
        }
        let last = Permission { label: "last", accounts: &accounts, actions: &actions };
        assert_eq!(add(policy.as_deref(), ARN, last).unwrap_err().kind, ErrorKind::OverLimit);
    }
}
