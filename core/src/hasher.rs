//! Threads that hash passwords, so that a quarter of a second of work holds up neither a request nor the database.

use std::sync::Arc;
use std::thread::JoinHandle;

use futures_channel::oneshot;

use crate::error::{Error, Result};
use crate::queue::Queue;
use crate::users::password::{BYTES_MAX, Password, PasswordHash};

/// How many hashes may wait for a thread; beyond it the answer is [`Error::Unavailable`].
const QUEUE_MAX: usize = 256;

/// A handle to the threads, cheap to clone. They end when the last one is dropped.
#[derive(Clone)]
pub struct Hasher(Arc<Threads>);

struct Threads {
    cost: u32,
    /// What an unknown user's password is compared with, so that it takes as long as a known one's.
    decoy: PasswordHash,
    queue: Arc<Queue<Box<dyn FnOnce() + Send>>>,
    handles: Vec<JoinHandle<()>>,
}

impl Hasher {
    /// Starts `threads` threads that hash at bcrypt's `cost`.
    pub fn start(threads: usize, cost: u32) -> Result<Hasher> {
        let queue = Arc::new(Queue::<Box<dyn FnOnce() + Send>>::new(QUEUE_MAX));
        let handles = (0..threads.max(1)).map(|_| {
            let jobs = queue.clone();
            std::thread::Builder::new()
                .name("hash".into())
                .spawn(move || std::iter::from_fn(|| jobs.pop()).for_each(|job| job()))
                .map_err(|e| Error::internal("cannot start a thread", e))
        });
        Ok(Hasher(Arc::new(Threads {
            cost,
            decoy: hash(&Password::claimed("nobody has this one"), cost)?,
            handles: handles.collect::<Result<_>>()?,
            queue,
        })))
    }

    /// What to store in the password's place.
    pub async fn hash(&self, password: Password) -> Result<PasswordHash> {
        let cost = self.0.cost;
        self.run(move || hash(&password, cost)).await
    }

    /// Whether `password` is the one that was hashed. Without a hash to compare with it takes as long, and is not.
    pub async fn verify(&self, password: Password, stored: Option<PasswordHash>) -> Result<bool> {
        let known = stored.is_some() && password.as_bytes().len() <= BYTES_MAX;
        let hash = match stored {
            Some(hash) if known => hash,
            _ => self.0.decoy.clone(),
        };
        self.run(move || {
            let same = bcrypt::verify(password.as_bytes(), hash.as_str());
            Ok(same.map_err(|e| Error::internal("a stored hash can't be read", e))? && known)
        })
        .await
    }

    async fn run<T: Send + 'static>(&self, f: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(move || {
            // Whoever asked may have hung up.
            let _ = answer.send(f());
        });
        self.0.queue.push(job, 5)?;
        answered.await.unwrap_or_else(|_| Err(Error::Internal("a hashing thread dropped a job".into())))
    }
}

fn hash(password: &Password, cost: u32) -> Result<PasswordHash> {
    // Cuts nothing: no password is longer than 72 bytes, and the variant that refuses would count a terminator too.
    bcrypt::hash(password.as_bytes(), cost)
        .map(PasswordHash::stored)
        .map_err(|e| Error::internal("bcrypt", e))
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.queue.close();
        for handle in self.handles.drain(..) {
            if handle.thread().id() != std::thread::current().id() {
                let _ = handle.join();
            }
        }
    }
}
