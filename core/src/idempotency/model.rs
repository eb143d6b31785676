//! Identity of idempotent requests.

use ring::digest::{Context, SHA256};

use crate::client::Client;
use crate::error::{Code, Result, Violation};
use crate::ids::UserId;

/// A request that must take effect once: its client's key and a digest of its contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotentRequest {
    key: String,
    request: [u8; 32],
}

impl IdempotentRequest {
    pub const KEY_CHARS_MAX: usize = 255;

    /// Checks that the key has 1 to 255 visible ASCII characters. `request` is a [`digest`] of the
    /// whole request.
    pub fn new(key: &str, request: [u8; 32]) -> Result<IdempotentRequest, Violation> {
        match key.len() {
            0 => Err(Violation::new(Code::TooShort, "must not be empty")),
            1..=IdempotentRequest::KEY_CHARS_MAX if key.bytes().all(|b| b.is_ascii_graphic()) => {
                Ok(IdempotentRequest { key: key.to_owned(), request })
            }
            1..=IdempotentRequest::KEY_CHARS_MAX => {
                Err(Violation::new(Code::Format, "must contain only visible ASCII characters"))
            }
            n => Err(Violation::new(
                Code::TooLong,
                format!(
                    "must have at most {} characters, but has {n}",
                    IdempotentRequest::KEY_CHARS_MAX
                ),
            )),
        }
    }

    /// Returns the key of the outcome. `macs` hides the contents of the request, which may include
    /// a password, from readers of the store. Its first result is stored; a request matches by any
    /// of them.
    pub(crate) fn key(
        &self,
        whose: &KeyScope,
        macs: impl Fn(&[u8]) -> Vec<[u8; 32]>,
    ) -> OutcomeKey {
        let (user, kind, whose, rights, role) = match whose {
            KeyScope::User { id, rights, role } => {
                (Some(*id), "user", id.to_string(), rights.as_str(), Some(*role))
            }
            KeyScope::Client(client) => (
                None,
                "client",
                client.map(|client| client.network()).unwrap_or_default(),
                "",
                None,
            ),
        };
        let hash = digest(&[kind.as_bytes(), whose.as_bytes(), self.key.as_bytes()]);
        let said = digest(&[&self.request, &hash, rights.as_bytes()]);
        OutcomeKey { user, hash, role, fingerprints: macs(&said) }
    }
}

/// The scope in which a key identifies a request.
pub(crate) enum KeyScope {
    /// The requests of an account. With other rights or another role, it is another request: a
    /// token must not receive what only another token may see, nor an account what it could see
    /// only as an admin.
    User { id: UserId, rights: String, role: &'static str },
    /// The requests of a client without an account.
    Client(Option<Client>),
}

/// The key of one outcome in the store.
#[derive(Debug, Clone)]
pub(crate) struct OutcomeKey {
    pub(super) user: Option<UserId>,
    pub(super) hash: [u8; 32],
    /// The current role of the account.
    pub(super) role: Option<&'static str>,
    /// At least one.
    fingerprints: Vec<[u8; 32]>,
}

impl OutcomeKey {
    /// Returns the fingerprint to store.
    pub(super) fn fingerprint(&self) -> &[u8] {
        self.fingerprints.first().map_or(&[], |first| first)
    }

    /// Returns whether a stored fingerprint belongs to this request, possibly by an older secret,
    /// and was made in the same role. Outcomes that predate the column have no role and match any
    /// role.
    pub(super) fn is_of(&self, fingerprint: &[u8], role: Option<&str>) -> bool {
        let is_same_role = role.is_none() || role == self.role;
        is_same_role && self.fingerprints.iter().any(|known| known == fingerprint)
    }
}

/// Returns the SHA-256 over all parts, each with its length, so that different lists never give the
/// same input.
pub fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut sum = Context::new(&SHA256);
    for part in parts {
        sum.update(&part.len().to_be_bytes());
        sum.update(part);
    }
    let mut bytes = [0; 32];
    bytes.copy_from_slice(sum.finish().as_ref());
    bytes
}
