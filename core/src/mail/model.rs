//! Kinds of mail and their texts.

use crate::client::Client;
use crate::db::{Column, Value, unexpected};
use crate::error::Result;
use crate::ids::{MailId, UserId};
use crate::names;
use crate::time::Timestamp;

/// The purpose of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailKind {
    /// Verifies that an address belongs to its user.
    Verify,
    /// Resets a forgotten password. Queued for an address alone, as the key that accounts are found
    /// by.
    Reset,
    NewDevice,
    PasswordChanged,
    /// Goes to the old address.
    EmailChanged,
}

impl Column for MailKind {
    fn read(value: Value) -> Result<MailKind> {
        match value {
            Value::Text(text) => {
                MailKind::parse(text).ok_or_else(|| unexpected("a kind of mail", value))
            }
            other => Err(unexpected("a kind of mail", other)),
        }
    }
}

impl MailKind {
    pub const ALL: [MailKind; 5] = [
        MailKind::Verify,
        MailKind::Reset,
        MailKind::NewDevice,
        MailKind::PasswordChanged,
        MailKind::EmailChanged,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            MailKind::Verify => "verify",
            MailKind::Reset => "reset",
            MailKind::NewDevice => "new_device",
            MailKind::PasswordChanged => "password_changed",
            MailKind::EmailChanged => "email_changed",
        }
    }

    pub fn parse(word: &str) -> Option<MailKind> {
        MailKind::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Returns how long the token in the link is valid, in seconds, if this kind has a link.
    pub fn token_s(self) -> Option<i64> {
        match self {
            MailKind::Verify => Some(24 * 3600),
            MailKind::Reset => Some(3600),
            _ => None,
        }
    }
}

/// A message to queue.
pub struct New<'a> {
    pub kind: MailKind,
    pub user: Option<UserId>,
    pub recipient: &'a str,
    pub detail: Option<&'a str>,
}

/// A queued message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    pub id: MailId,
    pub kind: MailKind,
    pub user_id: Option<UserId>,
    pub recipient: String,
    pub detail: Option<String>,
    pub attempts: i64,
    pub created_at: Timestamp,
}

/// A message to send now.
#[derive(Clone, PartialEq, Eq)]
pub struct Outgoing {
    pub id: MailId,
    pub to: String,
    pub subject: &'static str,
    pub text: String,
}

/// Describes the device of a new login for the notice.
pub fn device(name: &str, client: Option<Client>) -> String {
    match client {
        Some(client) => format!("{name}, from {}", client.address()),
        None => name.to_owned(),
    }
}

/// Describes a password change for the notice: how many personal access tokens it ended, or that
/// they were kept.
pub fn password_change(tokens_ended: u64, keeps_tokens: bool) -> String {
    if keeps_tokens { TOKENS_KEPT.to_owned() } else { tokens_ended.to_string() }
}

const TOKENS_KEPT: &str = "kept";

/// Returns the sentence about personal access tokens. Messages that were queued before tokens were
/// counted have none.
fn about_tokens(detail: Option<&str>) -> String {
    match detail {
        None => String::new(),
        Some(TOKENS_KEPT) => " Its personal access tokens still work.".to_owned(),
        Some("0") => " This ended no personal access tokens.".to_owned(),
        Some("1") => " This ended one personal access token.".to_owned(),
        Some(count) => format!(" This ended {count} personal access tokens."),
    }
}

/// Writes the message. `base` is the public URL of Taskwell, `token` the token of the link.
pub fn write(mail: &Waiting, base: &str, token: Option<&str>) -> Outgoing {
    let (token, at) = (token.unwrap_or(""), mail.created_at);
    let detail = mail.detail.as_deref().unwrap_or("");
    let not_you = "If this was not you, change your password at once. This ends all other sessions \
                   and personal access tokens.";
    let (subject, text) = match mail.kind {
        MailKind::Verify => (
            "Verify your email address",
            format!(
                "To verify your email address, open this link within 24 \
                 hours:\n\n{base}/verify-email?token={token}\n\nIf you do not have an account \
                 here, ignore this mail."
            ),
        ),
        MailKind::Reset => (
            "Choose a new password",
            format!(
                "To choose a new password, open this link within an \
                 hour:\n\n{base}/reset-password?token={token}\n\nIf you did not request this, \
                 ignore this mail. Your password does not change."
            ),
        ),
        MailKind::NewDevice => (
            "New login to your account",
            format!("Somebody logged in to your account at {at}: {detail}.\n\n{not_you}"),
        ),
        MailKind::PasswordChanged => (
            "Your password was changed",
            format!(
                "The password of your account was changed at {at}.{}\n\n\
                 If this was not you, use \"Forgot your password?\" to set a new one at once.",
                about_tokens(mail.detail.as_deref())
            ),
        ),
        MailKind::EmailChanged => (
            "Your email address was changed",
            format!(
                "The email address of your account was changed at {at}. This address is no longer \
                 used for it.\n\n{not_you}"
            ),
        ),
    };
    Outgoing { id: mail.id, to: names::mail_address(&mail.recipient).into_owned(), subject, text }
}
