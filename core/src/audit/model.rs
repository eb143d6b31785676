//! Entries of the audit log.

use crate::client::Client;
use crate::ids::{EntryId, UserId};
use crate::settings::Mails;
use crate::time::Timestamp;

/// An action or an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub id: EntryId,
    pub at: Timestamp,
    /// The user who acted; `None` if nobody was authenticated, or if the operator acted at the
    /// command line.
    pub actor: Option<UserId>,
    /// The account that the entry is about; `None` if there is no such account.
    pub subject: Option<UserId>,
    pub action: String,
    /// The client's address. Hidden from the subject if another user acted.
    pub client: Option<String>,
    pub detail: Option<String>,
}

impl Entry {
    /// Removes the address if another user than `subject` acted. Attempts without authentication,
    /// such as failed logins, keep theirs.
    pub(crate) fn hide_client_of_others(&mut self, subject: UserId) {
        if self.actor.is_some_and(|actor| actor != subject) {
            self.client = None;
        }
    }
}

/// Who acts: the authenticated user, if any, and the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Actor {
    pub user: Option<UserId>,
    pub client: Option<Client>,
    /// Whether the action may send mail.
    pub mails: Mails,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    SignedUp,
    LoggedIn,
    LoginFailed,
    /// A user with a session gave a wrong password or code.
    ProofFailed,
    LoggedOut,
    RefreshTokenReused,
    SessionsEnded,
    PasswordChanged,
    PasswordResetAsked,
    PasswordReset,
    EmailVerified,
    AccountChanged,
    AccountDeleted,
    TwoFactorOn,
    TwoFactorOff,
    TokenCreated,
    TokenDeleted,
}

impl Action {
    /// Returns whether a client with an open event stream may have lost access through this action.
    pub(crate) fn may_end_access(self) -> bool {
        matches!(
            self,
            Action::LoggedOut
                | Action::RefreshTokenReused
                | Action::SessionsEnded
                | Action::PasswordChanged
                | Action::PasswordReset
                | Action::AccountChanged
                | Action::AccountDeleted
                | Action::TokenDeleted
        )
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Action::SignedUp => "signed_up",
            Action::LoggedIn => "logged_in",
            Action::LoginFailed => "login_failed",
            Action::ProofFailed => "proof_failed",
            Action::LoggedOut => "logged_out",
            Action::RefreshTokenReused => "refresh_token_reused",
            Action::SessionsEnded => "sessions_ended",
            Action::PasswordChanged => "password_changed",
            Action::PasswordResetAsked => "password_reset_asked",
            Action::PasswordReset => "password_reset",
            Action::EmailVerified => "email_verified",
            Action::AccountChanged => "account_changed",
            Action::AccountDeleted => "account_deleted",
            Action::TwoFactorOn => "two_factor_on",
            Action::TwoFactorOff => "two_factor_off",
            Action::TokenCreated => "token_created",
            Action::TokenDeleted => "token_deleted",
        }
    }
}
