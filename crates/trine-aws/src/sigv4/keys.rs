//! The access keys of users.

use std::{collections::HashMap, fmt};

use trine_types::Namespace;

/// One access key.
#[derive(Clone)]
pub struct Key {
    id: String,
    secret: String,
    user: String,
    namespace: Namespace,
}

impl Key {
    /// A key of a user.
    #[must_use]
    pub fn new(id: &str, secret: &str, user: &str, namespace: Namespace) -> Self {
        Self { id: id.to_owned(), secret: secret.to_owned(), user: user.to_owned(), namespace }
    }

    /// The user.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Namespace of the user's objects.
    #[must_use]
    pub const fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    pub(super) fn secret(&self) -> &str {
        &self.secret
    }
}

/// Never shows the secret.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({} of {})", self.id, self.user)
    }
}

/// All access keys by their ids. Read once at start.
#[derive(Clone, Debug, Default)]
pub struct Keys(HashMap<String, Key>);

impl Keys {
    /// The table; of two keys with one id the second is kept, so the caller refuses that.
    #[must_use]
    pub fn new(keys: impl IntoIterator<Item = Key>) -> Self {
        Self(keys.into_iter().map(|key| (key.id.clone(), key)).collect())
    }

    pub(super) fn get(&self, id: &str) -> Option<&Key> {
        self.0.get(id)
    }
}
