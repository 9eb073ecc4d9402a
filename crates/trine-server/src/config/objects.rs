//! Objects declared in the configuration: `[[user]]` (decision Q13), `[[namespace]]` (decision Q11), `[[topic]]` and `[[queue]]` (decision Q22).

use std::{collections::BTreeMap, path::PathBuf};

use serde::Deserialize;
use trine_aws::Account;
use trine_broker::{Action, Grant, ResourceKind};
use trine_core::queues::QueueSettings;
use trine_net::auth::Verifier;
use trine_types::{Namespace, QueueName, TopicName, limits::PARTITIONS_PER_TOPIC_MAX};

use super::near;

/// A user.
#[derive(Clone, Debug)]
pub struct UserDecl {
    /// Login name.
    pub name: String,
    /// Proof of the password; a user with AWS keys only has none.
    pub verifier: Option<Verifier>,
    /// Namespace of the user's objects.
    pub namespace: Namespace,
    /// Keys for requests that are signed the AWS way.
    pub aws: Vec<AwsKey>,
    /// What the user may do.
    pub grants: Vec<Grant>,
}

/// An AWS access key. The secret is needed as such to check a signature.
#[derive(Clone)]
pub struct AwsKey {
    /// Public part.
    pub access_key_id: String,
    /// Secret part.
    pub secret: AwsSecret,
}

/// Where a secret comes from.
#[derive(Clone)]
pub enum AwsSecret {
    /// Written in the configuration, which nobody else may then read.
    Inline(String),
    /// First line of a file.
    File(PathBuf),
    /// An environment variable.
    Env(String),
}

/// Never shows the secret.
impl std::fmt::Debug for AwsKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AwsKey({})", self.access_key_id)
    }
}

/// A namespace beside the default one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespaceDecl {
    /// Its name.
    pub name: Namespace,
    /// Its account, for AWS clients; one without is not for them.
    pub account: Option<Account>,
}

/// A topic to create when it is absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicDecl {
    /// Its name.
    pub name: TopicName,
    /// Partitions; absent: the server's default.
    pub partitions: Option<u32>,
    /// Settings by Kafka's names (`retention.ms`).
    pub config: BTreeMap<String, String>,
}

/// A queue to create when it is absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueDecl {
    /// Its name.
    pub name: QueueName,
    /// Where the name is unique.
    pub namespace: Namespace,
    /// The settings that are given, by their names on the command line (`visibility`).
    pub config: BTreeMap<String, String>,
    /// Its settings if it is created, tags included.
    pub settings: QueueSettings,
}

/// A scalar of the file as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Text(String),
    Bool(bool),
    Integer(i64),
    Float(f64),
}

impl Scalar {
    fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Bool(value) => value.to_string(),
            Self::Integer(value) => value.to_string(),
            Self::Float(value) => value.to_string(),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct RawTopic {
    name: String,
    partitions: Option<u32>,
    #[serde(default)]
    config: BTreeMap<String, Scalar>,
}

impl RawTopic {
    pub(super) const KEYS: [&str; 3] = ["name", "partitions", "config"];

    pub(super) fn check(self) -> Result<TopicDecl, String> {
        let name = TopicName::parse(&self.name).map_err(|e| e.to_string())?;
        if let Some(n) = self.partitions
            && !(1..=PARTITIONS_PER_TOPIC_MAX).contains(&n)
        {
            return Err(format!("topic {name}: partitions = {n} is not between 1 and {PARTITIONS_PER_TOPIC_MAX}"));
        }
        let config = self.config.into_iter().map(|(key, value)| (key, value.into_text())).collect();
        Ok(TopicDecl { name, partitions: self.partitions, config })
    }
}

#[derive(Deserialize)]
pub(super) struct RawQueue {
    name: String,
    namespace: Option<String>,
    #[serde(default)]
    config: BTreeMap<String, Scalar>,
    #[serde(default)]
    tags: BTreeMap<String, Scalar>,
}

impl RawQueue {
    pub(super) const KEYS: [&str; 4] = ["name", "namespace", "config", "tags"];

    pub(super) fn check(self) -> Result<QueueDecl, String> {
        let name = QueueName::parse(&self.name).map_err(|e| e.to_string())?;
        let namespace = match &self.namespace {
            Some(text) => Namespace::parse(text).map_err(|e| format!("queue {name}: {e}"))?,
            None => Namespace::default(),
        };
        let config: BTreeMap<_, _> = self.config.into_iter().map(|(key, value)| (key, value.into_text())).collect();
        let mut settings = QueueSettings::default();
        for (key, value) in &config {
            settings.set_text(key, Some(value)).map_err(|e| format!("queue {name}: {e}"))?;
        }
        settings.tags = self.tags.into_iter().map(|(key, value)| (key, value.into_text())).collect();
        settings.check().map_err(|e| format!("queue {name}: {e}"))?;
        Ok(QueueDecl { name, namespace, config, settings })
    }
}

#[derive(Deserialize)]
pub(super) struct RawNamespace {
    name: String,
    account: Option<String>,
}

impl RawNamespace {
    pub(super) const KEYS: [&str; 2] = ["name", "account"];

    pub(super) fn check(self) -> Result<NamespaceDecl, String> {
        let name = Namespace::parse(&self.name).map_err(|e| e.to_string())?;
        let bad = |what: String| format!("namespace {name:?}: {what}");
        if name == Namespace::default() {
            return Err(bad("it is always there; its account is the setting aws.account".to_owned()));
        }
        let account = self.account.as_deref().map(Account::parse).transpose().map_err(|e| bad(e.to_string()))?;
        Ok(NamespaceDecl { name, account })
    }
}

#[derive(Deserialize)]
pub(super) struct RawUser {
    name: String,
    password: Option<String>,
    namespace: Option<String>,
    #[serde(default)]
    aws: Vec<RawAws>,
    #[serde(default)]
    grants: Vec<RawGrant>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAws {
    access_key_id: String,
    secret: Option<String>,
    secret_file: Option<PathBuf>,
    secret_env: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGrant {
    on: String,
    name: Option<String>,
    allow: Vec<String>,
}

impl RawUser {
    pub(super) const KEYS: [&str; 5] = ["name", "password", "namespace", "aws", "grants"];

    pub(super) fn check(self) -> Result<UserDecl, String> {
        let name = self.name;
        let bad = |what: String| format!("user {name:?}: {what}");
        if name.is_empty() || name.contains(':') || name.chars().any(char::is_control) {
            return Err(bad("a name has at least one character, no colon and no control characters".to_owned()));
        }
        let verifier = match &self.password {
            Some(text) => Some(Verifier::parse(text).map_err(|e| bad(format!("password: {e}")))?),
            None if self.aws.is_empty() => return Err(bad("it has neither a password nor an aws key".to_owned())),
            None => None,
        };
        let aws = self.aws.into_iter().map(|key| key.check().map_err(bad)).collect::<Result<_, _>>()?;
        let grants = self.grants.into_iter().map(|grant| grant.check().map_err(bad)).collect::<Result<_, _>>()?;
        let namespace = match &self.namespace {
            None => Namespace::default(),
            Some(text) => Namespace::parse(text).map_err(|e| bad(e.to_string()))?,
        };
        Ok(UserDecl { verifier, namespace, aws, grants, name })
    }

    /// Whether a secret stands in the file itself.
    pub(super) fn has_inline_secret(&self) -> bool {
        self.aws.iter().any(|key| key.secret.is_some())
    }
}

impl RawAws {
    fn check(self) -> Result<AwsKey, String> {
        // What stands in a signature's scope is divided by slashes.
        if self.access_key_id.is_empty()
            || !self.access_key_id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        {
            let id = self.access_key_id;
            return Err(format!("aws key {id:?}: an access_key_id has letters, digits, '-', '_' and '.'"));
        }
        let secret = match (self.secret, self.secret_file, self.secret_env) {
            (Some(secret), None, None) => AwsSecret::Inline(secret),
            (None, Some(file), None) => AwsSecret::File(file),
            (None, None, Some(variable)) => AwsSecret::Env(variable),
            _ => {
                let id = self.access_key_id;
                return Err(format!("aws key {id:?} needs exactly one of secret, secret_file and secret_env"));
            }
        };
        Ok(AwsKey { access_key_id: self.access_key_id, secret })
    }
}

impl RawGrant {
    fn check(self) -> Result<Grant, String> {
        let on = ResourceKind::parse(&self.on).ok_or_else(|| {
            format!(
                "on = {:?} is no kind of object{}",
                self.on,
                near::hint(&self.on, ResourceKind::ALL.map(ResourceKind::as_str))
            )
        })?;
        let allow = self
            .allow
            .iter()
            .map(|name| {
                Action::parse(name).ok_or_else(|| {
                    format!("allow = {name:?} is no action{}", near::hint(name, Action::ALL.map(Action::as_str)))
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Grant { on, name: self.name.unwrap_or_else(|| "*".to_owned()), allow })
    }
}
