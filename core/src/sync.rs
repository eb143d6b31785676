//! The locks and atomics of code in which threads meet. In the product they are those of `std`. In
//! the tests of this crate they belong to a model checker, which runs threads in every order.

#[cfg(not(test))]
pub use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize};
#[cfg(not(test))]
pub use std::sync::{Condvar, Mutex, MutexGuard};

#[cfg(not(test))]
pub use futures_util::task::AtomicWaker;

#[cfg(test)]
pub use self::model::primitives::{
    AtomicBool, AtomicI64, AtomicUsize, AtomicWaker, Condvar, Mutex, MutexGuard,
};

#[cfg(test)]
pub mod model;
