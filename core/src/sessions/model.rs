//! Sessions, refresh tokens, and the results of a login.

use ring::digest;
use uuid::Uuid;

use crate::client::Client;
use crate::clock::hex;
use crate::idempotency::IdempotentRequest;
use crate::time::Timestamp;
use crate::users::User;

/// A session as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub uuid: Uuid,
    /// The `User-Agent` of the login, cut to 200 characters.
    pub user_agent: Option<String>,
    pub created_at: Timestamp,
    /// The last login or refresh, or the last request to the hour.
    pub last_used_at: Timestamp,
    pub expires_at: Timestamp,
}

/// Maximum length of a stored user agent, in characters.
const USER_AGENT_CHARS_MAX: usize = 200;
/// Maximum length of a program name that is not in [`PROGRAMS`].
const NAME_CHARS_MAX: usize = 30;

/// Marks in user agents and the names to show. A user agent can contain several marks; the first
/// match in this list wins.
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
    /// Returns the program and the system to show: `Firefox on Linux`.
    pub fn name(&self) -> String {
        device_name(self.user_agent.as_deref())
    }
}

/// Returns the same for a user agent.
pub fn device_name(agent: Option<&str>) -> String {
    let agent = agent.unwrap_or("");
    let found = |names: &[(&str, &'static str)]| {
        names.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name)
    };
    match (found(&PROGRAMS), found(&SYSTEMS)) {
        (Some(program), Some(system)) => format!("{program} on {system}"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        // The first word is usually a name and a version. The client that logs in chooses it and
        // the account's owner reads it in mail, so it must not look like an address or a sentence.
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

/// The circumstances of a login. They determine how long the access token is valid, and whether the
/// refresh token rotates.
#[derive(Debug, Clone, Default)]
pub struct LoginContext {
    /// A login by contract 000, whose clients can refresh, so its access tokens are short-lived. It
    /// never returns a second refresh token, so the first one does not rotate.
    pub short: bool,
    /// The address that the login came from; `None` if unknown, as in tests.
    pub client: Option<Client>,
    /// The header as the client sent it; `LoginContext::agent` returns the text to show.
    pub user_agent: Option<String>,
    /// The code of the second factor, if it was sent with the password.
    pub code: Option<String>,
    /// The idempotency key of the request. Use cases that return tokens ignore it.
    pub once: Option<IdempotentRequest>,
}

impl LoginContext {
    /// Returns the user agent to store and show: one line of plain spaces, without control
    /// characters and without marks that reorder or hide text. It appears in mail, in the audit log
    /// and on terminals.
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

    /// Returns the client's network as text for comparison.
    pub(super) fn network(&self) -> Option<String> {
        self.client.map(|client| client.network())
    }
}

/// The tokens of a login or a refresh in plain text, which are returned only once.
pub struct Grant {
    pub user: User,
    pub access_token: String,
    /// Lifetime of the access token, in seconds.
    pub expires_in_s: i64,
    pub refresh_token: RefreshToken,
}

/// A refresh token: 256 random bits. The store holds only their SHA-256. There is no `Debug`.
#[derive(Clone)]
pub struct RefreshToken(String);

impl RefreshToken {
    const CHARS: usize = 64;

    pub(super) fn new(secret: &[u8; 32]) -> RefreshToken {
        RefreshToken(hex(secret))
    }

    /// Accepts any text. A text of another length becomes the empty token, which has no session, so
    /// that long texts are not hashed.
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
