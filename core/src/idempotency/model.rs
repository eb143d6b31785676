//! What makes two requests the same one.

use ring::digest::{Context, SHA256};

use crate::client::Client;
use crate::error::{Code, Result, Violation};
use crate::ids::UserId;

/// A request that is to have its effect once: the key that its client gave it, and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotentRequest {
    key: String,
    request: [u8; 32],
}

impl IdempotentRequest {
    pub const KEY_CHARS_MAX: usize = 255;

    /// The key has 1 to 255 visible ASCII characters; `request` is a [`digest`] of all that the
    /// request says.
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

    /// Where its outcome is kept. `macs` hides what the request says, a password among it, from
    /// whoever reads the store; the first of its results is stored, and any of them is known again.
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

/// Among whose requests a key means one.
pub(crate) enum KeyScope {
    /// An account's. With other rights or in another role it is another request: a token must not
    /// be told what only another may see, nor an account what it could see only while it was an
    /// admin's.
    User { id: UserId, rights: String, role: &'static str },
    /// A client's without an account.
    Client(Option<Client>),
}

/// The place of one outcome in the store.
#[derive(Debug, Clone)]
pub(crate) struct OutcomeKey {
    pub(super) user: Option<UserId>,
    pub(super) hash: [u8; 32],
    /// The account's role now.
    pub(super) role: Option<&'static str>,
    /// At least one.
    fingerprints: Vec<[u8; 32]>,
}

impl OutcomeKey {
    /// What is stored of the request.
    pub(super) fn fingerprint(&self) -> &[u8] {
        self.fingerprints.first().map_or(&[], |first| first)
    }

    /// Whether a fingerprint is this request's, maybe by a secret that was in use before, and was
    /// made in the same role. Outcomes that are older than the column have no role, and are their
    /// account's in any.
    pub(super) fn is_of(&self, fingerprint: &[u8], role: Option<&str>) -> bool {
        let is_same_role = role.is_none() || role == self.role;
        is_same_role && self.fingerprints.iter().any(|known| known == fingerprint)
    }
}

/// SHA-256 over all parts, each with its length, so that no two lists give the same bytes.
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
