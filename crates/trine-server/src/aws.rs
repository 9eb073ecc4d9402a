//! The AWS port, configured.

use std::{fs, io, path::PathBuf, pin::Pin, sync::Arc};

use trine_admin::Metric;
use trine_aws::{Accounts, Aws, AwsConfig, Key, Keys, Service, Sts};
use trine_broker::Broker;
use trine_net::Conn;
use trine_sqs::Sqs;

use crate::{
    Environment,
    config::{AwsKey, AwsSecret, Config},
    store,
};

/// Longest secret file, in bytes: only its first line counts.
const SECRET_FILE_BYTES_MAX: u64 = 4096;

/// Why the secret of an AWS key cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Its file cannot be read.
    #[error("aws key {key:?}: cannot read secret_file {}: {source}", .path.display())]
    File {
        /// The access key's id.
        key: String,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Its variable is not set.
    #[error("aws key {key:?}: the environment variable {variable} of secret_env is not set, or not text")]
    Variable {
        /// The access key's id.
        key: String,
        /// The variable.
        variable: String,
    },
    /// There is nothing in it.
    #[error("aws key {key:?}: the secret is empty")]
    Empty {
        /// The access key's id.
        key: String,
    },
}

/// The access keys of all users, with their secrets.
pub(crate) fn keys(config: &Config) -> Result<Keys, SecretError> {
    let all = config.users.iter().flat_map(|user| user.aws.iter().map(move |key| (user, key)));
    let keys =
        all.map(|(user, key)| Ok(Key::new(&key.access_key_id, &secret(key)?, &user.name, user.namespace.clone())));
    keys.collect::<Result<Vec<_>, _>>().map(Keys::new)
}

fn secret(key: &AwsKey) -> Result<String, SecretError> {
    let id = || key.access_key_id.clone();
    let secret = match &key.secret {
        AwsSecret::Inline(secret) => secret.clone(),
        AwsSecret::File(path) => {
            first_line(path).map_err(|source| SecretError::File { key: id(), path: path.clone(), source })?
        }
        AwsSecret::Env(variable) => {
            std::env::var(variable).map_err(|_| SecretError::Variable { key: id(), variable: variable.clone() })?
        }
    };
    if secret.is_empty() { Err(SecretError::Empty { key: id() }) } else { Ok(secret) }
}

fn first_line(path: &PathBuf) -> io::Result<String> {
    if fs::metadata(path)?.len() > SECRET_FILE_BYTES_MAX {
        return Err(io::Error::other(format!("it is larger than {SECRET_FILE_BYTES_MAX} bytes")));
    }
    Ok(fs::read_to_string(path)?.lines().next().unwrap_or("").trim().to_owned())
}

/// An edge whose listeners share everything.
pub(crate) fn edge(config: &Config, env: &Environment, broker: &Broker, keys: Keys) -> Aws {
    let services: Vec<Arc<dyn Service>> =
        vec![Arc::new(Sqs::new(broker.clone(), config.sqs, Arc::clone(&env.clock))), Arc::new(Sts)];
    let accounts = config.namespaces.iter().filter_map(|n| Some((n.name.clone(), n.account.clone()?)));
    Aws::new(AwsConfig {
        services,
        // Checked with the configuration.
        accounts: Accounts::new(config.aws_account.clone(), accounts).unwrap_or_default(),
        region: config.aws_region.clone(),
        public_url: config.aws_public_url.clone(),
        keys,
        access: store::access(config),
        users: store::users(config),
        clock: Arc::clone(&env.clock),
        rng: Arc::clone(&env.rng),
    })
}

/// What an accept loop of the edge runs for each connection.
pub(crate) fn handler(
    aws: &Aws,
    anonymous: bool,
) -> impl Fn(Conn) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + 'static {
    let aws = aws.clone();
    move |conn| Box::pin(aws.clone().serve(conn, anonymous))
}

/// The edge's figures as metrics.
pub(crate) fn metrics(aws: &Aws) -> Vec<Metric> {
    let stats = aws.stats();
    let counter = |name, help, value: u64| Metric { name, counter: true, help, values: vec![(None, value)] };
    vec![
        Metric {
            name: "trine_aws_requests_total",
            counter: true,
            help: "Calls, by action.",
            values: stats.actions.iter().map(|a| (Some(("action", a.action)), a.calls)).collect(),
        },
        counter("trine_aws_unauthenticated_total", "Requests without a good signature.", stats.unauthenticated),
        counter("trine_aws_malformed_total", "Requests that cannot be read or are for no action.", stats.malformed),
        Metric {
            name: "trine_aws_errors_total",
            counter: true,
            help: "Calls that failed, by who is to blame.",
            values: vec![
                (Some(("fault", "sender")), stats.sender_errors),
                (Some(("fault", "receiver")), stats.receiver_errors),
            ],
        },
        Metric {
            name: "trine_aws_body_memory_bytes",
            counter: false,
            help: "Memory of request bodies being read or answered.",
            values: vec![(None, stats.body_bytes as u64)],
        },
    ]
}
