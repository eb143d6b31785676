//! What a user is: names, address, role; and who is calling. Passwords are `sessions::password`'s.

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

/// What an account may do beyond its own things.
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

/// A unique name to log in by: 1 to 64 letters, marks and digits of any script, `.`, `_`, `-`,
/// after trimming and in NFC. Without `@`, so that a login by name or address is never ambiguous.
/// Of what a new name must be beyond that, see `Username::require_distinct`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Username(String);

impl Username {
    pub const CHARS_MAX: usize = 64;
    /// A name made from an address gets a suffix below this, written with eight digits.
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

    /// A name made from an address: its local part without what a name can't hold, in ASCII if the
    /// rest could pass for another name; and `suffix` if that is taken. A suffix has digits alone,
    /// which all scripts share.
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

    /// That a new name can't be taken for another: it mixes no scripts beyond UTS 39's Highly
    /// Restrictive, and does not look like a name in ASCII unless it is one. Whether it looks like
    /// an existing name, the store knows. Names that accounts have already are not asked: they
    /// stay.
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

/// A name to show: 1 to 100 characters on one line.
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

/// An address as RFC 5322 writes it (contract 001, "Input Validation"), at most 254 characters
/// after trimming. A domain without a dot passes (contract 000); display names and IP literals do
/// not.
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

/// An account to be made. The password has been hashed.
#[derive(Debug, Clone)]
pub struct Draft {
    /// `None`: one is made from the address.
    pub username: Option<Username>,
    pub name: Option<Name>,
    pub email: Email,
    pub password: PasswordHash,
    pub role: Role,
}

/// What an account is beside what its owner said.
#[derive(Debug, Clone, Copy)]
pub struct AccountState {
    pub is_active: bool,
    pub email_verified: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl AccountState {
    /// Of an account that is made at `now`.
    pub fn new(now: Timestamp) -> AccountState {
        AccountState { is_active: true, email_verified: false, created_at: now, updated_at: now }
    }
}

/// What may be changed of an account; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct Update {
    pub username: Option<Username>,
    /// `Some(None)` clears it.
    pub name: Option<Option<Name>>,
    pub email: Option<Email>,
    /// An admin's to change.
    pub role: Option<Role>,
    /// An admin's to change.
    pub is_active: Option<bool>,
}

/// The account that a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Account {
    /// The caller's own.
    Own,
    /// The one of that id, for admins. It may be the caller's own, too.
    Of(IdOrUuid),
}

/// A change that somebody asks for, with what proves it where the change needs a proof.
#[derive(Clone, Default)]
pub struct Change {
    pub update: Update,
    /// What the caller claims to be its own password.
    pub current_password: Option<Password>,
}

/// How many personal access tokens another password has ended. Outcomes that were kept before there
/// was a count read as none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Option<u64>")]
pub struct TokensEnded(pub u64);

impl From<Option<u64>> for TokensEnded {
    fn from(count: Option<u64>) -> TokensEnded {
        TokensEnded(count.unwrap_or(0))
    }
}

/// Somebody whose session or token was checked in this transaction. There is no other way to have
/// one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub(crate) id: UserId,
    pub(crate) uuid: Uuid,
    pub(crate) role: Role,
    /// `None`: it came with a personal access token.
    pub(crate) session: Option<Uuid>,
    pub(crate) scopes: Scopes,
    pub(crate) client: Option<Client>,
    /// Whether mail goes out.
    pub(crate) mails: Mails,
    /// The store's, in this very transaction.
    pub(crate) epoch: Epoch,
    /// Sessions that were not used after this have ended.
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

    /// The session that the token names, if it names one.
    pub fn session(&self) -> Option<Uuid> {
        self.session
    }

    pub(crate) fn require_admin(&self) -> Result<()> {
        match self.role {
            Role::Admin => self.require(Scope::Admin),
            Role::User => Err(Error::Forbidden),
        }
    }

    /// What a personal access token was made for; a session may all that its user may.
    pub(crate) fn require(&self, scope: Scope) -> Result<()> {
        if self.scopes.has(scope) { Ok(()) } else { Err(Error::Forbidden) }
    }

    /// What no personal access token may: decide over the account.
    pub(crate) fn require_session(&self) -> Result<Uuid> {
        self.session.ok_or(Error::Forbidden)
    }

    /// What its token lets it do, in words.
    pub(crate) fn rights(&self) -> String {
        let kind = if self.session.is_some() { "session" } else { "token" };
        format!("{kind} {}", self.scopes)
    }

    /// Whom the audit log names.
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
