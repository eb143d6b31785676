//! Threads that hash passwords, so that a quarter of a second of work holds up neither a request
//! nor the database.

use std::sync::Arc;
use std::thread::JoinHandle;

use argon2::password_hash::{self, PasswordHasher as _, PasswordVerifier as _};
use argon2::{Argon2, Params};
use futures_channel::oneshot;

use crate::clock::random_bytes;
use crate::error::{Error, Result, Violation};
use crate::queue::Queue;
use crate::settings::Scheme;
use crate::users::password::{Password, PasswordHash};

/// How many hashes may wait for a thread; beyond it the answer is [`Error::Unavailable`].
const QUEUE_MAX: usize = 256;

/// How much memory the Argon2id hashes that are made here fill over all passes.
const WORK_KIB: u64 = Params::DEFAULT_M_COST as u64 * Params::DEFAULT_T_COST as u64;

/// A handle to the threads, cheap to clone. They end when the last one is dropped.
#[derive(Clone)]
pub struct Hasher(Arc<Threads>);

struct Threads {
    scheme: Scheme,
    /// What an unknown user's password is compared with, so that it takes as long as a known one's.
    decoy: PasswordHash,
    queue: Arc<Queue<Box<dyn FnOnce() + Send>>>,
    handles: Vec<JoinHandle<()>>,
}

impl Hasher {
    /// Starts `threads` threads that hash by `scheme`.
    pub fn start(threads: usize, scheme: Scheme) -> Result<Hasher> {
        let queue = Arc::new(Queue::<Box<dyn FnOnce() + Send>>::new(QUEUE_MAX));
        let handles = (0..threads.max(1)).map(|_| {
            let jobs = queue.clone();
            std::thread::Builder::new()
                .name("hash".into())
                .spawn(move || {
                    give_way();
                    std::iter::from_fn(|| jobs.pop()).for_each(|job| job());
                })
                .map_err(|e| Error::internal("cannot start a thread", e))
        });
        Ok(Hasher(Arc::new(Threads {
            scheme,
            decoy: hash(&Password::claimed("nobody has this one"), scheme)?,
            handles: handles.collect::<Result<_>>()?,
            queue,
        })))
    }

    /// What to store in the password's place.
    ///
    /// # Errors
    /// The hash would stand for other passwords too (`Password::check_hashable`).
    pub async fn hash(&self, password: Password) -> Result<PasswordHash> {
        password
            .check_hashable()
            .map_err(|Violation(code, message)| Error::invalid("password", code, message))?;
        let scheme = self.0.scheme;
        self.run(move || hash(&password, scheme)).await
    }

    /// Whether a stored hash is weaker than those that are made now, or of another kind.
    pub fn is_outdated(&self, stored: &PasswordHash) -> bool {
        let cost = || stored.as_str().split('$').nth(2).and_then(|cost| cost.parse::<u32>().ok());
        match self.0.scheme {
            // One of an imported account may be of another kind of Argon2, or cost less.
            Scheme::Argon2id => stored.argon2id_work_kib().is_none_or(|work| work < WORK_KIB),
            Scheme::Bcrypt(wanted) => is_argon2(stored) || cost().is_none_or(|cost| cost < wanted),
        }
    }

    /// Whether `password` is the one that was hashed. Without a hash to compare with it takes as
    /// long, and is not; the same holds for a hash that no password matches.
    pub async fn verify(&self, password: Password, stored: Option<PasswordHash>) -> Result<bool> {
        let stored = stored.filter(|hash| !hash.is_unusable());
        let known = stored.is_some() && password.check_hashable().is_ok();
        let hash = match stored {
            Some(hash) if known => hash,
            _ => self.0.decoy.clone(),
        };
        self.run(move || Ok(is_same(&password, &hash)? && known)).await
    }

    async fn run<T: Send + 'static>(
        &self,
        f: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(move || {
            // Whoever asked may have hung up.
            let _ = answer.send(f());
        });
        self.0.queue.push(job, 5)?;
        answered
            .await
            .unwrap_or_else(|_| Err(Error::Internal("a hashing thread dropped a job".into())))
    }
}

/// Hashing takes all the time it gets: what answers requests goes first. On Linux a priority is its
/// thread's alone.
#[cfg(target_os = "linux")]
fn give_way() {
    const LAST: i32 = 19;
    // Without it hashing works as well, only less politely.
    let _ = rustix::process::setpriority_process(None, LAST);
}

#[cfg(not(target_os = "linux"))]
fn give_way() {}

fn is_argon2(stored: &PasswordHash) -> bool {
    stored.as_str().starts_with("$argon2")
}

fn is_same(password: &Password, stored: &PasswordHash) -> Result<bool> {
    let unreadable = |e: &dyn std::fmt::Display| {
        Error::internal("cannot read a stored password hash", e.to_string())
    };
    if is_argon2(stored) {
        return match Argon2::default().verify_password(password.as_bytes(), stored.as_str()) {
            Ok(()) => Ok(true),
            Err(password_hash::Error::PasswordInvalid) => Ok(false),
            Err(e) => Err(unreadable(&e)),
        };
    }
    bcrypt::verify(password.as_bytes(), stored.as_str()).map_err(|e| unreadable(&e))
}

#[expect(clippy::disallowed_methods, reason = "hashing runs outside of transactions")]
fn hash(password: &Password, scheme: Scheme) -> Result<PasswordHash> {
    let cost = match scheme {
        Scheme::Bcrypt(cost) => cost,
        Scheme::Argon2id => {
            // The library's default is OWASP's first choice: 19 MiB, two passes, one lane.
            let salt: [u8; 16] = random_bytes()?;
            let hashed = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
            return hashed
                .map(|hash| PasswordHash::stored(hash.to_string()))
                .map_err(|e| Error::internal("argon2", e.to_string()));
        }
    };
    // Cuts nothing: no password is longer than 72 bytes, and the variant that refuses would count a
    // terminator too.
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
