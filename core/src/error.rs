//! What can go wrong, as values that a caller can tell apart. Knows no HTTP: each contract draws
//! these in its own shape.

use std::borrow::Cow;

use crate::epoch::Stamp;

/// What every fallible use case answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a use case did not happen. Nothing of it was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The input breaks a rule; every field that does is listed.
    Invalid(Vec<Problem>),
    /// Nobody, or nobody who may act, was proven by token or password.
    Unauthenticated(AuthError),
    /// The caller is known and may not do this.
    Forbidden,
    /// There is no such thing, or it is not the caller's to see.
    Missing(Noun),
    /// Somebody else's thing is in the way.
    Conflict(Conflict),
    /// The task is no longer the version that the caller has seen (RFC 9110, section 13.1.1).
    Stale,
    /// What happened after the place that was asked for can no longer be told; the newest place.
    Gone { newest: Stamp },
    /// The idempotency key was used for another request.
    KeyReused,
    /// Too much is waiting; worth trying again after so many seconds.
    Unavailable { retry_after_s: u32 },
    /// Tried too often.
    TooMany(RateLimited),
    /// Needs mail, of which there is none here.
    MailOff,
    /// The disk that holds the database is full.
    StorageFull,
    /// A fault of ours or of the machine. The cause is for the log, never for an answer.
    Internal(String),
}

/// A try that was one too many: of so many tries in so many seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimited {
    /// The name of the limit, as the header `RateLimit-Policy` has it.
    pub policy: &'static str,
    pub tries: i64,
    pub window_s: i64,
    pub retry_after_s: u32,
}

/// What is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noun {
    Task,
    User,
    Session,
    Token,
}

impl Noun {
    /// The word that begins a sentence about it.
    pub fn as_str(self) -> &'static str {
        match self {
            Noun::Task => "Task",
            Noun::User => "User",
            Noun::Session => "Session",
            Noun::Token => "Token",
        }
    }
}

/// What is in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    EmailTaken,
    UsernameTaken,
    /// The username is not another's, but could be taken for it.
    UsernameLooksTaken,
    /// The last active admin can't be demoted, deactivated or deleted.
    LastAdmin,
    /// No more personal access tokens than there are.
    TooManyTokens,
    /// The second factor is on already.
    TwoFactorOn,
}

/// Why the caller is not taken for anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthError {
    /// No bearer token was sent.
    NoToken,
    /// The access token is malformed, forged, expired, or its session has ended.
    BadToken,
    /// No account has this name or address. Only contract 000 tells it from a wrong password.
    UnknownUser,
    /// The password is not the account's, or the account is deactivated.
    WrongPassword,
    /// The password is right, but the account has a second factor, and no code came with it.
    CodeNeeded,
    /// The password is right, and the code of the second factor is not.
    WrongCode,
    /// The password is right, but the address must be proven first.
    UnverifiedEmail,
    /// No session has this refresh token, or no mail brought this token, or it has been used.
    BadRefreshToken,
    /// The refresh token's session has outlived its time.
    RefreshTokenExpired,
}

impl AuthError {
    /// A password or a code was compared and is not the account's: it counts against the limit of
    /// wrong guesses.
    pub(crate) fn is_wrong_guess(self) -> bool {
        matches!(self, AuthError::UnknownUser | AuthError::WrongPassword | AuthError::WrongCode)
    }

    /// The password was right; what is missing or wrong is told in words that no older contract
    /// has.
    pub fn is_more_than_a_password(self) -> bool {
        matches!(self, AuthError::CodeNeeded | AuthError::WrongCode | AuthError::UnverifiedEmail)
    }
}

/// One field that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The field's name as the caller sent it; `body` where it is the whole body.
    pub field: Cow<'static, str>,
    pub code: Code,
    /// What is wrong and what is allowed, without the field's name.
    pub message: Cow<'static, str>,
}

/// Which kind of rule a value breaks; the word is the same in every contract.
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
    /// The word that stands in answers.
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

/// What is wrong with a value whose field is not known yet: what `Title::parse` and its like
/// answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation(pub Code, pub Cow<'static, str>);

impl Violation {
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Violation {
        Violation(code, message.into())
    }
}

impl Error {
    /// One field, one problem.
    pub fn invalid(
        field: impl Into<Cow<'static, str>>,
        code: Code,
        message: impl Into<Cow<'static, str>>,
    ) -> Error {
        Error::Invalid(vec![Problem { field: field.into(), code, message: message.into() }])
    }

    /// A password that should prove who asks, and does not.
    pub(crate) fn wrong_password(field: &'static str) -> Error {
        Error::invalid(field, Code::WrongPassword, "is not your password")
    }

    pub(crate) fn internal(what: &str, cause: impl std::fmt::Display) -> Error {
        Error::Internal(format!("{what}: {cause}"))
    }
}

/// Collects what is wrong with an input, so that all of it is said at once.
#[derive(Debug, Default)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Notes a problem.
    pub fn note(
        &mut self,
        field: impl Into<Cow<'static, str>>,
        code: Code,
        message: impl Into<Cow<'static, str>>,
    ) {
        self.0.push(Problem { field: field.into(), code, message: message.into() });
    }

    /// The value, or its flaw noted under `field`.
    pub fn take<T>(
        &mut self,
        field: impl Into<Cow<'static, str>>,
        parsed: Result<T, Violation>,
    ) -> Option<T> {
        parsed.map_err(|Violation(code, message)| self.note(field, code, message)).ok()
    }

    /// `value` where nothing is wrong. A value that is missing has left a problem behind.
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
