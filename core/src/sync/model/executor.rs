//! An executor for one future, whose waker is part of the model.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake};

use super::primitives::{Condvar, Mutex};

/// Polls a future to its end. Its waker is part of the model.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let woken = Arc::new(Woken::default());
    let waker = woken.clone().into();
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        let guard = woken.flag.lock();
        let guard = woken.changed.wait_while(guard.unwrap(), |is_woken| !*is_woken);
        *guard.unwrap() = false;
    }
}

#[derive(Default)]
struct Woken {
    flag: Mutex<bool>,
    changed: Condvar,
}

impl Wake for Woken {
    fn wake(self: Arc<Woken>) {
        *self.flag.lock().unwrap() = true;
        self.changed.notify_one();
    }
}
