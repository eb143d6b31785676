//! What is written down about accounts.

use crate::client::Client;
use crate::ids::{EntryId, UserId};
use crate::settings::Mails;
use crate::time::Timestamp;

/// Something that was done, or tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub id: EntryId,
    pub at: Timestamp,
    /// Who did it; `None` where nobody was proven, or the operator did it at the command line.
    pub actor: Option<UserId>,
    /// Whose account it is about; `None` where there is no such account.
    pub subject: Option<UserId>,
    pub action: String,
    /// The address that it came from. Hidden from the subject where somebody else acted.
    pub client: Option<String>,
    pub detail: Option<String>,
}

impl Entry {
    /// Leaves the address out where somebody else than `subject` acted. Whoever tried without a
    /// proof has none to protect: a failed login shows its address.
    pub(crate) fn hide_client_of_others(&mut self, subject: UserId) {
        if self.actor.is_some_and(|actor| actor != subject) {
            self.client = None;
        }
    }
}

/// Who does something: which user, if one was proven, and from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Actor {
    pub user: Option<UserId>,
    pub client: Option<Client>,
    /// Whether mail goes out because of it.
    pub mails: Mails,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    SignedUp,
    LoggedIn,
    LoginFailed,
    /// Somebody with a session could not say the password or the code.
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
    /// Whether somebody may have lost access by it who still listens.
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
