//! What a session is, and what a login hands out.

use ring::digest;
use uuid::Uuid;

use crate::client::Client;
use crate::clock::hex;
use crate::idempotency::IdempotentRequest;
use crate::time::Timestamp;
use crate::users::User;

/// What a login opened, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub uuid: Uuid,
    /// What the client called itself at login, at most 200 characters of it.
    pub user_agent: Option<String>,
    pub created_at: Timestamp,
    /// The last login, refresh or, to the hour, request.
    pub last_used_at: Timestamp,
    pub expires_at: Timestamp,
}

/// Characters of a user agent that are kept.
const USER_AGENT_CHARS_MAX: usize = 200;
/// Letters of a program's name that no list holds.
const NAME_CHARS_MAX: usize = 30;

/// Programs as they call themselves, and for people; who calls itself several names comes first.
const PROGRAMS: [(&str, &str); 14] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
    ("python-requests/", "Python"),
    ("python-httpx/", "Python"),
    ("okhttp/", "Android app"),
    ("PostmanRuntime/", "Postman"),
    ("axios/", "axios"),
];
const SYSTEMS: [(&str, &str); 7] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
];

impl Session {
    /// What it runs on, for people: `Firefox on Linux`.
    pub fn name(&self) -> String {
        device_name(self.user_agent.as_deref())
    }
}

/// The same by what a client calls itself.
pub fn device_name(agent: Option<&str>) -> String {
    let agent = agent.unwrap_or("");
    let found = |names: &[(&str, &'static str)]| {
        names.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name)
    };
    match (found(&PROGRAMS), found(&SYSTEMS)) {
        (Some(program), Some(system)) => format!("{program} on {system}"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        // The first word is mostly a name and a version. It is written by whoever logs in and read
        // by the account's owner in mail, so it must not look like an address or a sentence.
        (None, None) => match agent.split(['/', ' ']).next() {
            Some(word) if is_name(word) => word.to_owned(),
            _ => "Unknown device".to_owned(),
        },
    }
}

fn is_name(word: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    (1..=NAME_CHARS_MAX).contains(&word.len()) && word.chars().all(allowed)
}

/// Who logs in where: it decides how long the access token is good, and whether the refresh token
/// rotates.
#[derive(Debug, Clone, Default)]
pub struct LoginContext {
    /// Contract 000's: its clients know how to refresh, so its access tokens are short-lived. They
    /// are told no other refresh token than their first, so that one does not rotate.
    pub short: bool,
    /// From where; `None` where nobody knows, as in tests.
    pub client: Option<Client>,
    /// As the client sent it; `LoginContext::agent` is what may be shown.
    pub user_agent: Option<String>,
    /// The code of the second factor, if one came with the password.
    pub code: Option<String>,
    /// As what the request is to have its effect once. What answers tokens passes it over.
    pub once: Option<IdempotentRequest>,
}

impl LoginContext {
    /// What the client calls itself, as it is kept and shown: one line of plain spaces, without
    /// control characters and marks that turn or hide text. It stands in mail, in the audit log and
    /// on terminals.
    pub(super) fn agent(&self) -> Option<String> {
        let is_hidden = |c: char| {
            matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
                || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}')
        };
        let is_space = |c: char| c.is_whitespace() || c.is_control();
        let given = self.user_agent.as_deref()?;
        let words = given.split(is_space).filter(|word| !word.is_empty());
        let line = words.collect::<Vec<_>>().join(" ");
        Some(line.chars().filter(|c| !is_hidden(*c)).take(USER_AGENT_CHARS_MAX).collect())
    }

    /// The network that it comes from, as a word to compare.
    pub(super) fn network(&self) -> Option<String> {
        self.client.map(|client| client.network())
    }
}

/// What a login or a refresh gives: the tokens in the clear, this once.
pub struct Grant {
    pub user: User,
    pub access_token: String,
    /// How long the access token is good, in seconds.
    pub expires_in_s: i64,
    pub refresh_token: RefreshToken,
}

/// 256 bits that nobody can guess. Stored as their SHA-256 only; it has no `Debug`.
#[derive(Clone)]
pub struct RefreshToken(String);

impl RefreshToken {
    const CHARS: usize = 64;

    pub(super) fn new(secret: &[u8; 32]) -> RefreshToken {
        RefreshToken(hex(secret))
    }

    /// Any text may be tried; one that is no token of ours has no session. One of another length is
    /// not even hashed.
    pub fn claimed(text: String) -> RefreshToken {
        RefreshToken(if text.len() == RefreshToken::CHARS { text } else { String::new() })
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn hash(&self) -> Vec<u8> {
        digest::digest(&digest::SHA256, self.0.as_bytes()).as_ref().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_another_length_is_no_refresh_token_and_is_not_hashed() {
        let token = RefreshToken::new(&[7; 32]);
        assert_eq!(RefreshToken::claimed(token.as_str().to_owned()).hash(), token.hash());
        for length in [0, RefreshToken::CHARS - 1, RefreshToken::CHARS + 1, 100_000] {
            assert_eq!(RefreshToken::claimed("a".repeat(length)).as_str(), "");
        }
    }
}
