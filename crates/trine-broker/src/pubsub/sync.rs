//! The locks and atomics of the hub. This crate's own unit tests run on shuttle's, which try many interleavings; everything else gets real ones.

#[cfg(not(test))]
pub(super) use real::*;
#[cfg(test)]
pub(super) use tried::*;

#[cfg(not(test))]
mod real {
    pub(crate) use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

    pub(crate) use parking_lot::{Mutex, RwLock, RwLockReadGuard};
}

#[cfg(test)]
mod tried {
    use std::sync::PoisonError;

    use shuttle::sync::{MutexGuard, RwLockWriteGuard};
    pub(crate) use shuttle::sync::{
        RwLockReadGuard,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    };

    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(shuttle::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(shuttle::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    #[derive(Debug, Default)]
    pub(crate) struct RwLock<T>(shuttle::sync::RwLock<T>);

    impl<T> RwLock<T> {
        pub(crate) fn read(&self) -> RwLockReadGuard<'_, T> {
            self.0.read().unwrap_or_else(PoisonError::into_inner)
        }

        pub(crate) fn write(&self) -> RwLockWriteGuard<'_, T> {
            self.0.write().unwrap_or_else(PoisonError::into_inner)
        }
    }
}
