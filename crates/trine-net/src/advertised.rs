//! The address clients are told to connect to (decision E18).

use std::sync::{Arc, PoisonError, RwLock};

use crate::HostPort;

/// One protocol's advertised address; can be changed at run time, because test containers learn their port late. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Advertised(Arc<RwLock<Option<HostPort>>>);

impl Advertised {
    /// An address from the configuration, if any.
    #[must_use]
    pub fn new(addr: Option<HostPort>) -> Self {
        Self(Arc::new(RwLock::new(addr)))
    }

    /// The address; `None`: tell clients the one they used.
    #[must_use]
    pub fn get(&self) -> Option<HostPort> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes it for everybody who asks from now on.
    pub fn set(&self, addr: Option<HostPort>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = addr;
    }
}

/// The addresses of all protocols whose clients are told one.
#[derive(Clone, Debug, Default)]
pub struct AdvertisedAddrs {
    /// Kafka's brokers.
    pub kafka: Advertised,
    /// The node of Redis's cluster facade.
    pub redis: Advertised,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_seen_by_every_clone() {
        let ours = Advertised::new(None);
        let theirs = ours.clone();
        ours.set(Some(HostPort::new("localhost", 19_092)));
        assert_eq!(theirs.get().unwrap().to_string(), "localhost:19092");
    }
}
