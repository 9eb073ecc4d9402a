//! ARNs in answers: the account of a namespace, the region of the request.

use trine_aws::Accounts;
use trine_types::{Namespace, QueueName};

use crate::name;

/// What ARNs are made of beside a queue's own name.
#[derive(Clone, Copy)]
pub(crate) struct Names<'a> {
    pub(crate) accounts: &'a Accounts,
    /// Echoed, never identity (decision Q11).
    pub(crate) region: &'a str,
}

impl<'a> Names<'a> {
    /// A namespace's account.
    pub(crate) fn account_of(self, namespace: &Namespace) -> &'a str {
        self.accounts.account_of(namespace).as_str()
    }

    /// The ARN of a queue, whether it exists or not.
    pub(crate) fn arn(self, namespace: &Namespace, name: &QueueName) -> String {
        name::arn(self.region, self.account_of(namespace), name.as_str())
    }
}
