//! Accounts: names, address, role, and the caller of a use case. Passwords are in
//! `users::password`.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::password::{Password, PasswordHash};
use super::scope::{Scope, Scopes};
use crate::audit::Actor;
use crate::client::Client;
use crate::db::{Column, Param, Value, unexpected};
use crate::epoch::Epoch;
use crate::error::{Code, Conflict, Error, Result, Violation};
use crate::id_or_uuid::IdOrUuid;
use crate::ids::UserId;
use crate::names;
use crate::settings::Mails;
use crate::text;
use crate::time::Timestamp;

/// An account, without its password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    pub id: UserId,
    pub uuid: Uuid,
    pub username: String,
    pub name: Option<String>,
    pub email: String,
    pub role: Role,
    pub is_active: bool,
    pub email_verified: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// The role of an account, which determines whether it may manage others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    User,
    Admin,
}

impl Role {
    pub fn as_str(self) -> &'static str {
        match self {
            Role::User => "user",
            Role::Admin => "admin",
        }
    }

    pub fn parse(word: &str) -> Result<Role, Violation> {
        match word {
            "user" => Ok(Role::User),
            "admin" => Ok(Role::Admin),
            _ => Err(Violation::new(Code::UnknownWord, "must be user or admin")),
        }
    }
}

/// A unique name for logins: 1 to 64 letters, marks and digits of any script, `.`, `_`, `-`, after
/// trimming and in NFC. It has no `@`, so that a login by name or address is never ambiguous. For
/// further rules for new names, see `Username::require_distinct`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Username(String);

impl Username {
    pub const CHARS_MAX: usize = 64;
    /// Upper bound of the suffix of a name derived from an address. The suffix is written with
    /// eight digits.
    pub(super) const SUFFIXES: u32 = 100_000_000;
    const SUFFIX_CHARS: usize = 9;

    pub fn parse(text: &str) -> Result<Username, Violation> {
        let text = text::nfc(text.trim());
        text::check_length(&text, 1, Username::CHARS_MAX)?;
        if text.chars().all(Username::allows) {
            Ok(Username(text.into_owned()))
        } else {
            Err(Violation::new(Code::Format, "must contain only letters, digits and . _ -"))
        }
    }

    /// Derives a name from an address: its local part without characters that a name cannot
    /// contain, reduced to ASCII if the result could be mistaken for another name, and with
    /// `suffix` if the name is taken. A suffix contains only digits, which all scripts share.
    pub(super) fn from_email(email: &Email, suffix: Option<u32>) -> Username {
        let local = email.0.rsplit_once('@').map_or("", |(local, _)| local);
        let most = Username::CHARS_MAX - Username::SUFFIX_CHARS;
        let all: String = local.chars().filter(|c| Username::allows(*c)).take(most).collect();
        let mut name = Username(text::nfc(&all).into_owned());
        if name.require_distinct().is_err() {
            name.0 =
                local.chars().filter(|c| c.is_ascii() && Username::allows(*c)).take(most).collect();
        }
        if name.0.is_empty() {
            name.0.push_str("user");
        }
        match suffix {
            Some(suffix) => Username(format!("{}-{suffix:08}", name.0)),
            None => name,
        }
    }

    /// Checks that a new name cannot be mistaken for another. It must not mix scripts beyond UTS
    /// 39's Highly Restrictive level, nor look like an ASCII name unless it is one. The store
    /// checks whether it looks like an existing name. Names of existing accounts are exempt.
    ///
    /// # Errors
    /// [`Error::Invalid`] and [`Conflict::UsernameLooksTaken`].
    pub(super) fn require_distinct(&self) -> Result<()> {
        let Some(skeleton) = self.skeleton() else {
            return Ok(());
        };
        if names::mixes_scripts(&self.0) {
            return Err(Error::invalid(
                "username",
                Code::Format,
                "must not mix letters of several scripts",
            ));
        }
        if skeleton.chars().all(|c| c.is_ascii() && Username::allows(c)) {
            return Err(Error::Conflict(Conflict::UsernameLooksTaken));
        }
        Ok(())
    }

    fn allows(c: char) -> bool {
        if c.is_ascii() {
            c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
        } else {
            names::is_letter_or_digit(c)
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn key(&self) -> String {
        names::username_key(&self.0)
    }

    pub(super) fn skeleton(&self) -> Option<String> {
        names::skeleton(&self.0)
    }
}

/// A display name: 1 to 100 characters on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    pub const CHARS_MAX: usize = 100;

    pub fn parse(text: &str) -> Result<Name, Violation> {
        text::line(text, 1, Name::CHARS_MAX).map(Name)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An email address by RFC 5322 (contract 001, "Input Validation"), at most 254 characters after
/// trimming. Its domain may lack a dot (contract 000). It has no display name and no IP literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    pub const CHARS_MAX: usize = 254;

    pub fn parse(text: &str) -> Result<Email, Violation> {
        let text = text::nfc_up_to(text.trim(), Email::CHARS_MAX);
        if text.chars().count() > Email::CHARS_MAX {
            return Err(Violation::new(
                Code::TooLong,
                format!("must have at most {} characters", Email::CHARS_MAX),
            ));
        }
        let options =
            email_address::Options::default().without_display_text().without_domain_literal();
        let plain = !text.contains(|c: char| c.is_control() || c.is_whitespace());
        match email_address::EmailAddress::parse_with_options(&text, options) {
            Ok(_) if plain => Ok(Email(text.into_owned())),
            _ => Err(Violation::new(
                Code::Format,
                "must be an email address, such as ada@example.org",
            )),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn key(&self) -> String {
        names::email_key(&self.0)
    }
}

/// A new account, whose password has been hashed.
#[derive(Debug, Clone)]
pub struct Draft {
    /// With `None`, a username is derived from the address.
    pub username: Option<Username>,
    pub name: Option<Name>,
    pub email: Email,
    pub password: PasswordHash,
    pub role: Role,
}

/// The state of a new account that its owner does not provide.
#[derive(Debug, Clone, Copy)]
pub struct AccountState {
    pub is_active: bool,
    pub email_verified: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl AccountState {
    /// Returns the state of an account that signs up at `now`.
    pub fn new(now: Timestamp) -> AccountState {
        AccountState { is_active: true, email_verified: false, created_at: now, updated_at: now }
    }
}

/// A change of an account. `None` keeps the old value.
#[derive(Debug, Clone, Default)]
pub struct Update {
    pub username: Option<Username>,
    /// `Some(None)` clears it.
    pub name: Option<Option<Name>>,
    pub email: Option<Email>,
    /// Only admins can change this.
    pub role: Option<Role>,
    /// Only admins can change this.
    pub is_active: Option<bool>,
}

/// The account that a request refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Account {
    /// The caller's own.
    Own,
    /// The account with this id, for admins. It may be the caller's own.
    Of(IdOrUuid),
}

/// A requested change, with the password if the change requires one.
#[derive(Clone, Default)]
pub struct Change {
    pub update: Update,
    /// What the caller sends as its own password.
    pub current_password: Option<Password>,
}

/// How many personal access tokens a password change ended. Stored outcomes that predate the count
/// read as 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Option<u64>")]
pub struct TokensEnded(pub u64);

impl From<Option<u64>> for TokensEnded {
    fn from(count: Option<u64>) -> TokensEnded {
        TokensEnded(count.unwrap_or(0))
    }
}

/// A user whose session or token was checked in this transaction. Only such a check creates a
/// `Caller`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub(crate) id: UserId,
    pub(crate) uuid: Uuid,
    pub(crate) role: Role,
    /// `None` if the request came with a personal access token.
    pub(crate) session: Option<Uuid>,
    pub(crate) scopes: Scopes,
    pub(crate) client: Option<Client>,
    /// Whether mail is sent, and how much.
    pub(crate) mails: Mails,
    /// The store's epoch in this transaction.
    pub(crate) epoch: Epoch,
    /// Sessions that were not used after this time have ended.
    pub(crate) idle_since: Timestamp,
}

impl Caller {
    pub fn id(&self) -> UserId {
        self.id
    }

    pub fn uuid(&self) -> Uuid {
        self.uuid
    }

    pub(crate) fn role(&self) -> Role {
        self.role
    }

    /// Returns the session of the access token; `None` with a personal access token.
    pub fn session(&self) -> Option<Uuid> {
        self.session
    }

    pub(crate) fn require_admin(&self) -> Result<()> {
        match self.role {
            Role::Admin => self.require(Scope::Admin),
            Role::User => Err(Error::Forbidden),
        }
    }

    /// Checks that the caller has a scope. A session has all scopes.
    pub(crate) fn require(&self, scope: Scope) -> Result<()> {
        if self.scopes.has(scope) { Ok(()) } else { Err(Error::Forbidden) }
    }

    /// Checks that the caller has a session, which managing the account requires.
    pub(crate) fn require_session(&self) -> Result<Uuid> {
        self.session.ok_or(Error::Forbidden)
    }

    /// Describes the kind of token and its scopes.
    pub(crate) fn rights(&self) -> String {
        let kind = if self.session.is_some() { "session" } else { "token" };
        format!("{kind} {}", self.scopes)
    }

    /// Returns the actor for the audit log.
    pub(crate) fn who(&self) -> Actor {
        Actor { user: Some(self.id), client: self.client, mails: self.mails }
    }
}

impl Param for Role {
    fn value(&self) -> Value<'_> {
        Value::Text(self.as_str())
    }
}

impl Column for Role {
    fn read(value: Value) -> Result<Role> {
        match value {
            Value::Text(text) => Role::parse(text).map_err(|_| unexpected("a role", value)),
            other => Err(unexpected("a role", other)),
        }
    }
}
