//! Threads that hash passwords, so that a hash of a quarter of a second delays neither requests nor
//! the database.

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

/// How many hashes may wait for a thread. More are refused with [`Error::Unavailable`].
const QUEUE_MAX: usize = 256;

/// How much memory Taskwell's own Argon2id hashes fill over all passes, in KiB.
const WORK_KIB: u64 = Params::DEFAULT_M_COST as u64 * Params::DEFAULT_T_COST as u64;

/// A handle to the threads, cheap to clone. The threads end when the last handle is dropped.
#[derive(Clone)]
pub struct Hasher(Arc<Threads>);

struct Threads {
    scheme: Scheme,
    /// The hash for logins of unknown users, so that they take as long as those of known users.
    decoy: PasswordHash,
    queue: Arc<Queue<Box<dyn FnOnce() + Send>>>,
    handles: Vec<JoinHandle<()>>,
}

impl Hasher {
    /// Starts `threads` threads that hash with `scheme`.
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

    /// Hashes a password for storage.
    ///
    /// # Errors
    /// The hash would match other passwords too (`Password::check_hashable`).
    pub async fn hash(&self, password: Password) -> Result<PasswordHash> {
        password
            .check_hashable()
            .map_err(|Violation(code, message)| Error::invalid("password", code, message))?;
        let scheme = self.0.scheme;
        self.run(move || hash(&password, scheme)).await
    }

    /// Returns whether a stored hash is weaker than new ones or uses another scheme.
    pub fn is_outdated(&self, stored: &PasswordHash) -> bool {
        let cost = || stored.as_str().split('$').nth(2).and_then(|cost| cost.parse::<u32>().ok());
        match self.0.scheme {
            // The hash of an imported account may be of another Argon2 variant or cost less.
            Scheme::Argon2id => stored.argon2id_work_kib().is_none_or(|work| work < WORK_KIB),
            Scheme::Bcrypt(wanted) => is_argon2(stored) || cost().is_none_or(|cost| cost < wanted),
        }
    }

    /// Returns whether `password` matches the hash. Without a hash, or with one that no password
    /// matches, this takes equally long and returns false.
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
            // The caller may have disconnected.
            let _ = answer.send(f());
        });
        self.0.queue.push(job, 5)?;
        answered
            .await
            .unwrap_or_else(|_| Err(Error::Internal("a hashing thread dropped a job".into())))
    }
}

/// Lowers the priority of this thread, because hashing uses all the CPU time that it gets. On
/// Linux, each thread has its own priority.
#[cfg(target_os = "linux")]
fn give_way() {
    const LAST: i32 = 19;
    // Hashing also works at the normal priority.
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
            // The library's defaults are OWASP's first choice: 19 MiB, two passes, one lane.
            let salt: [u8; 16] = random_bytes()?;
            let hashed = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
            return hashed
                .map(|hash| PasswordHash::stored(hash.to_string()))
                .map_err(|e| Error::internal("argon2", e.to_string()));
        }
    };
    // bcrypt truncates nothing here, because no password is longer than 72 bytes. The variant that
    // refuses longer input also counts a terminator.
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
