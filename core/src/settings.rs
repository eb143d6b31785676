//! What an operator may change about the rules. Where the values come from (flags, environment) is
//! the process's business.

/// How access tokens are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Signing {
    /// HMAC with SHA-256: only who has the secret can verify.
    #[default]
    Hs256,
    /// Ed25519 (RFC 8037): others verify by the public keys of the JWK Set.
    EdDsa,
}

/// How a password is hashed. What is stored says how it was, so that any mix of them is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// bcrypt at a cost of 4 to 31: each step doubles the time of a hash.
    Bcrypt(u32),
    /// Argon2id with 19 MiB, two passes and one lane (RFC 9106; OWASP Password Storage).
    Argon2id,
}

/// The rules that can be set, each with its bounds in the place that reads it (`server`).
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long an access token is good, in minutes: 1 to 525,600.
    pub access_token_minutes: u32,
    /// The same at contract 000's door, whose clients know how to refresh.
    pub short_access_token_minutes: u32,
    /// How long a session, and so its refresh token, is good, in days: 1 to 365.
    pub refresh_token_days: u32,
    /// How long a session lives that nobody uses, in days: 1 to 365.
    pub session_idle_days: u32,
    /// How access tokens are signed.
    pub signing: Signing,
    /// How passwords are hashed.
    pub scheme: Scheme,
    /// The fewest characters of a new password, 1 to 72.
    pub password_chars_min: usize,
    /// Whether tries are limited; off for tests and benchmarks.
    pub rate_limits: bool,
    /// Whether there is mail.
    pub mails: bool,
    /// Where people reach this server, without a slash at the end: what links in mail begin with.
    pub public_url: String,
    /// Whether an address must be proven before a login.
    pub verified_email_required: bool,
    /// How long the audit log is kept, in days: 1 to 3650.
    pub audit_days: u32,
    /// Event streams that may be open at once.
    pub streams_max: usize,
    /// Threads that hash passwords.
    pub hash_threads: usize,
    /// Threads that read the database.
    pub read_threads: usize,
}

/// Whether mail goes out, and how much of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mails {
    #[default]
    Off,
    /// As much as the limits of [`crate::mail`] allow.
    Limited,
    /// As much as is asked for: tries are not limited here.
    Unlimited,
}

impl Settings {
    pub fn mailing(&self) -> Mails {
        match (self.mails, self.rate_limits) {
            (false, _) => Mails::Off,
            (true, true) => Mails::Limited,
            (true, false) => Mails::Unlimited,
        }
    }
}

impl Default for Settings {
    fn default() -> Settings {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Settings {
            access_token_minutes: 24 * 60,
            short_access_token_minutes: 15,
            refresh_token_days: 30,
            session_idle_days: 14,
            signing: Signing::default(),
            scheme: Scheme::Bcrypt(12),
            password_chars_min: 8,
            rate_limits: true,
            mails: false,
            public_url: "http://localhost:8000".into(),
            verified_email_required: false,
            audit_days: 365,
            streams_max: 5000,
            hash_threads: cores,
            read_threads: cores.clamp(2, 8),
        }
    }
}
