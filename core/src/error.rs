//! Errors, as values that a caller can distinguish. They are independent of HTTP: each contract
//! renders them in its own format.

use std::borrow::Cow;

use crate::epoch::Stamp;

/// The result of every fallible use case.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a use case failed. None of its changes are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The input violates rules. Every invalid field is listed.
    Invalid(Vec<Problem>),
    /// Authentication failed.
    Unauthenticated(AuthError),
    /// The caller is authenticated but lacks the permission.
    Forbidden,
    /// The item does not exist, or the caller may not see it.
    Missing(Noun),
    /// The change conflicts with the current state.
    Conflict(Conflict),
    /// The task is no longer at the version that the caller has seen (RFC 9110, section 13.1.1).
    Stale,
    /// The changes after the requested position are no longer available. `newest` is the newest
    /// position.
    Gone { newest: Stamp },
    /// The idempotency key was used for another request.
    KeyReused,
    /// The queue is full. The client can try again after this delay.
    Unavailable { retry_after_s: u32 },
    /// A rate limit is exceeded.
    TooMany(RateLimited),
    /// The use case needs mail, which is off.
    MailOff,
    /// The disk that holds the database is full.
    StorageFull,
    /// A fault of Taskwell or of the machine. The cause goes to the log, never into a response.
    Internal(String),
}

/// An exceeded rate limit, which allows `tries` attempts in `window_s` seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimited {
    /// The name of the limit in the header `RateLimit-Policy`.
    pub policy: &'static str,
    pub tries: i64,
    pub window_s: i64,
    pub retry_after_s: u32,
}

/// The kind of a missing item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noun {
    Task,
    User,
    Session,
    Token,
}

impl Noun {
    /// Returns the word that begins a sentence about it.
    pub fn as_str(self) -> &'static str {
        match self {
            Noun::Task => "Task",
            Noun::User => "User",
            Noun::Session => "Session",
            Noun::Token => "Token",
        }
    }
}

/// The kind of a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    EmailTaken,
    UsernameTaken,
    /// The username is free, but could be mistaken for another.
    UsernameLooksTaken,
    /// The last active admin cannot be demoted, deactivated or deleted.
    LastAdmin,
    /// The account has the maximum number of personal access tokens.
    TooManyTokens,
    /// The second factor is already on.
    TwoFactorOn,
}

/// Why authentication failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthError {
    /// The request has no bearer token.
    NoToken,
    /// The access token is malformed, forged, expired, or its session has ended.
    BadToken,
    /// No account has this name or address. Only contract 000 distinguishes this from a wrong
    /// password.
    UnknownUser,
    /// The password is wrong, or the account is deactivated.
    WrongPassword,
    /// The password is right, but the account has a second factor and the request has no code.
    CodeNeeded,
    /// The password is right, but the code of the second factor is wrong.
    WrongCode,
    /// The password is right, but the address is not verified yet.
    UnverifiedEmail,
    /// The refresh token or the emailed token is unknown or has been used.
    BadRefreshToken,
    /// The session of the refresh token has expired.
    RefreshTokenExpired,
}

impl AuthError {
    /// Returns whether a wrong password or code was given, which counts against the limit of wrong
    /// guesses.
    pub(crate) fn is_wrong_guess(self) -> bool {
        matches!(self, AuthError::UnknownUser | AuthError::WrongPassword | AuthError::WrongCode)
    }

    /// Returns whether the password was right and something else is wrong or missing. The older
    /// contracts have no error for this.
    pub fn is_more_than_a_password(self) -> bool {
        matches!(self, AuthError::CodeNeeded | AuthError::WrongCode | AuthError::UnverifiedEmail)
    }
}

/// An invalid field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The field's name as the caller sent it; `body` for the whole body.
    pub field: Cow<'static, str>,
    pub code: Code,
    /// What is wrong and what is allowed, without the field's name.
    pub message: Cow<'static, str>,
}

/// The kind of a violated rule. Its name is the same in every contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    Required,
    Null,
    Type,
    Syntax,
    Format,
    TooShort,
    TooLong,
    Control,
    UnknownWord,
    WeakPassword,
    Mismatch,
    Duplicate,
    Range,
    WrongPassword,
    WrongCode,
}

impl Code {
    /// Returns the name in responses.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::Required => "required",
            Code::Null => "null",
            Code::Type => "type",
            Code::Syntax => "syntax",
            Code::Format => "format",
            Code::TooShort => "too_short",
            Code::TooLong => "too_long",
            Code::Control => "control_character",
            Code::UnknownWord => "unknown_word",
            Code::WeakPassword => "weak_password",
            Code::Mismatch => "mismatch",
            Code::Duplicate => "duplicate",
            Code::Range => "range",
            Code::WrongPassword => "wrong_password",
            Code::WrongCode => "wrong_code",
        }
    }
}

/// A violated rule, before the field is known. `Title::parse` and similar functions return it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation(pub Code, pub Cow<'static, str>);

impl Violation {
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Violation {
        Violation(code, message.into())
    }
}

impl Error {
    /// Returns the error for one invalid field.
    pub fn invalid(
        field: impl Into<Cow<'static, str>>,
        code: Code,
        message: impl Into<Cow<'static, str>>,
    ) -> Error {
        Error::Invalid(vec![Problem { field: field.into(), code, message: message.into() }])
    }

    /// Returns the error for a wrong password of the caller.
    pub(crate) fn wrong_password(field: &'static str) -> Error {
        Error::invalid(field, Code::WrongPassword, "is not your password")
    }

    pub(crate) fn internal(what: &str, cause: impl std::fmt::Display) -> Error {
        Error::Internal(format!("{what}: {cause}"))
    }
}

/// Collects all problems of an input, so that the caller sees them at once.
#[derive(Debug, Default)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Adds a problem.
    pub fn note(
        &mut self,
        field: impl Into<Cow<'static, str>>,
        code: Code,
        message: impl Into<Cow<'static, str>>,
    ) {
        self.0.push(Problem { field: field.into(), code, message: message.into() });
    }

    /// Returns the value, or adds its violation as a problem of `field`.
    pub fn take<T>(
        &mut self,
        field: impl Into<Cow<'static, str>>,
        parsed: Result<T, Violation>,
    ) -> Option<T> {
        parsed.map_err(|Violation(code, message)| self.note(field, code, message)).ok()
    }

    /// Returns `value` if there is no problem. A missing value must have added one.
    pub fn finish<T>(self, value: Option<T>) -> Result<T> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(Error::Invalid(self.0)),
        }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Error::Invalid(problems) => {
                for (i, problem) in problems.iter().enumerate() {
                    let comma = if i == 0 { "" } else { "; " };
                    write!(f, "{comma}{}: {}", problem.field, problem.message)?;
                }
                Ok(())
            }
            Error::Unauthenticated(_) => f.write_str("not authenticated"),
            Error::Forbidden => f.write_str("not enough permissions"),
            Error::Missing(noun) => write!(f, "{} not found", noun.as_str()),
            Error::Conflict(Conflict::EmailTaken) => {
                f.write_str("another account already has this email address")
            }
            Error::Conflict(Conflict::UsernameTaken) => {
                f.write_str("another account already has this username")
            }
            Error::Conflict(Conflict::UsernameLooksTaken) => {
                f.write_str("the username looks like another name; choose one that differs more")
            }
            Error::Conflict(Conflict::LastAdmin) => f.write_str(
                "this is the last active admin; give another account the role admin first",
            ),
            Error::Conflict(Conflict::TwoFactorOn) => {
                f.write_str("the second factor is already on")
            }
            Error::Conflict(Conflict::TooManyTokens) => {
                f.write_str("the account has too many personal access tokens; delete one first")
            }
            Error::Stale => f.write_str("the task has changed since it was read"),
            Error::Gone { .. } => f.write_str("the changes since then are no longer available"),
            Error::KeyReused => {
                f.write_str("the idempotency key was already used for another request")
            }
            Error::MailOff => f.write_str("the server cannot send mail; set SMTP_URL"),
            Error::TooMany(exceeded) => {
                write!(f, "too many attempts; try again in {} s", exceeded.retry_after_s)
            }
            Error::Unavailable { retry_after_s } => {
                write!(f, "the server is busy; try again in {retry_after_s} s")
            }
            Error::StorageFull => {
                f.write_str("the disk of the database is full; free space and try again")
            }
            Error::Internal(cause) => f.write_str(cause),
        }
    }
}

impl std::error::Error for Error {}
