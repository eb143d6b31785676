//! What a session is, and what a login hands out.

use ring::digest;
use uuid::Uuid;

use crate::client::Client;
use crate::clock::hex;
use crate::idempotency::Once;
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
        // The first word is mostly a name and a version.
        (None, None) => match agent.split(['/', ' ']).next() {
            Some(word) if !word.is_empty() => word.to_owned(),
            _ => "Unknown device".to_owned(),
        },
    }
}

/// Who logs in where: it decides how long the access token is good.
#[derive(Debug, Clone, Default)]
pub struct Door {
    /// Contract 000's: its clients know how to refresh, so its access tokens are short-lived.
    pub short: bool,
    /// From where; `None` where nobody knows, as in tests.
    pub client: Option<Client>,
    pub user_agent: Option<String>,
    /// The code of the second factor, if one came with the password.
    pub code: Option<String>,
    /// As what the request is to have its effect once. What answers tokens passes it over.
    pub once: Option<Once>,
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
    pub(super) fn new(secret: &[u8; 32]) -> RefreshToken {
        RefreshToken(hex(secret))
    }

    /// Any text may be tried; one that is no token of ours has no session.
    pub fn claimed(text: String) -> RefreshToken {
        RefreshToken(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn hash(&self) -> Vec<u8> {
        digest::digest(&digest::SHA256, self.0.as_bytes()).as_ref().to_vec()
    }
}
