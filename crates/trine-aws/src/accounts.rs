//! Accounts and namespaces (decision Q11): a namespace has a 12-digit account; a queue's URL and ARN name the account.

use std::{borrow::Borrow, collections::HashMap, sync::Arc};

use trine_types::Namespace;

/// Digits of an account id.
const ACCOUNT_DIGITS: usize = 12;

/// A 12-digit account id.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Account(Arc<str>);

/// Why a table of accounts cannot be.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AccountError {
    /// Not twelve digits.
    #[error("{0:?} is not an account: write twelve digits, for example 000000000000")]
    NotAnAccount(String),
    /// Two namespaces, one account.
    #[error("the namespaces {first} and {second} have the same account {account}")]
    Shared {
        /// The account.
        account: String,
        /// One namespace.
        first: Namespace,
        /// The other.
        second: Namespace,
    },
    /// A namespace with two accounts.
    #[error("the namespace {0} has two accounts")]
    Twice(Namespace),
}

impl Account {
    /// The account of the default namespace unless configured.
    pub const DEFAULT: &'static str = "000000000000";

    /// Twelve digits.
    pub fn parse(text: &str) -> Result<Self, AccountError> {
        if !Self::is_account(text) {
            return Err(AccountError::NotAnAccount(text.to_owned()));
        }
        Ok(Self(text.into()))
    }

    /// Whether a text has the form of an account.
    #[must_use]
    pub fn is_account(text: &str) -> bool {
        text.len() == ACCOUNT_DIGITS && text.bytes().all(|b| b.is_ascii_digit())
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Its digits find it in a table.
impl Borrow<str> for Account {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Default for Account {
    fn default() -> Self {
        Self(Self::DEFAULT.into())
    }
}

/// Which namespace has which account. Read once at start.
#[derive(Clone, Debug)]
pub struct Accounts {
    default: Account,
    by_account: HashMap<Account, Namespace>,
    by_namespace: HashMap<Namespace, Account>,
}

impl Accounts {
    /// The default namespace's account and those of other namespaces.
    pub fn new(default: Account, others: impl IntoIterator<Item = (Namespace, Account)>) -> Result<Self, AccountError> {
        let (mut by_account, mut by_namespace) = (HashMap::new(), HashMap::new());
        let all = std::iter::once((Namespace::default(), default.clone())).chain(others);
        for (namespace, account) in all {
            if let Some(first) = by_account.insert(account.clone(), namespace.clone()) {
                return Err(AccountError::Shared { account: account.to_string(), first, second: namespace });
            }
            if by_namespace.insert(namespace.clone(), account).is_some() {
                return Err(AccountError::Twice(namespace));
            }
        }
        Ok(Self { default, by_account, by_namespace })
    }

    /// The namespace an account means; one that no namespace has means the default one, because hard-coded queue URLs differ.
    #[must_use]
    pub fn namespace_of(&self, account: &str) -> Namespace {
        self.by_account.get(account).or_else(|| self.by_account.get(self.default.as_str())).cloned().unwrap_or_default()
    }

    /// A namespace's account; one that has none shows the default account.
    #[must_use]
    pub fn account_of(&self, namespace: &Namespace) -> &Account {
        self.by_namespace.get(namespace).unwrap_or(&self.default)
    }
}

impl Default for Accounts {
    /// One namespace, account 000000000000.
    fn default() -> Self {
        let default = Account::default();
        Self {
            by_account: HashMap::from([(default.clone(), Namespace::default())]),
            by_namespace: HashMap::from([(Namespace::default(), default.clone())]),
            default,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_twelve_digits() {
        assert_eq!(Account::parse("123456789012").unwrap().as_str(), "123456789012");
        for bad in ["", "1", "12345678901x", "1234567890123", "１２３４"] {
            assert!(Account::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_account_nobody_has_means_the_default_namespace() {
        let accounts = Accounts::default();
        assert_eq!(accounts.namespace_of("999999999999"), Namespace::default());
        assert_eq!(accounts.namespace_of("queue"), Namespace::default());
        assert_eq!(accounts.account_of(&Namespace::default()).as_str(), Account::DEFAULT);
    }

    #[test]
    fn one_account_belongs_to_one_namespace() {
        let account = |text| Account::parse(text).unwrap();
        let error = Accounts::new(account("111111111111"), [(Namespace::default(), account("111111111111"))]);
        assert!(matches!(error, Err(AccountError::Shared { .. })));
        let error = Accounts::new(account("111111111111"), [(Namespace::default(), account("222222222222"))]);
        assert!(matches!(error, Err(AccountError::Twice(_))));
    }
}
