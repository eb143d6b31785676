//! Settings of the rules. The process reads their values from flags and the environment.

/// Signature algorithm of access tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Signing {
    /// HMAC with SHA-256. Only holders of the secret can verify tokens.
    #[default]
    Hs256,
    /// Ed25519 (RFC 8037). Others can verify tokens with the public keys of the JWK Set.
    EdDsa,
}

/// Algorithm for password hashes. A stored hash names its algorithm, so any mix can be verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// bcrypt with a cost of 4 to 31. Each step doubles the time that a hash takes.
    Bcrypt(u32),
    /// Argon2id with 19 MiB, two passes and one lane (RFC 9106; OWASP Password Storage).
    Argon2id,
}

/// The settings. `server`, which reads them, checks their bounds.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Lifetime of an access token, in minutes: 1 to 525,600.
    pub access_token_minutes: u32,
    /// The same for contract 000, whose clients can refresh.
    pub short_access_token_minutes: u32,
    /// Lifetime of a session and its refresh token, in days: 1 to 365.
    pub refresh_token_days: u32,
    /// How long an unused session stays valid, in days: 1 to 365.
    pub session_idle_days: u32,
    /// Signature algorithm of access tokens.
    pub signing: Signing,
    /// Algorithm for new password hashes.
    pub scheme: Scheme,
    /// Minimum length of a new password, in characters: 1 to 72.
    pub password_chars_min: usize,
    /// Whether rate limits are enforced; off for tests and benchmarks.
    pub rate_limits: bool,
    /// Whether Taskwell sends mail.
    pub mails: bool,
    /// Base URL for links in mail, without a slash at the end.
    pub public_url: String,
    /// Whether login requires a verified email address.
    pub verified_email_required: bool,
    /// How long entries of the audit log are kept, in days: 1 to 3650.
    pub audit_days: u32,
    /// Maximum number of open event streams.
    pub streams_max: usize,
    /// Number of threads that hash passwords.
    pub hash_threads: usize,
    /// Number of threads that read the database.
    pub read_threads: usize,
}

/// Whether mail is sent, and how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mails {
    #[default]
    Off,
    /// As much as the limits of [`crate::mail`] allow.
    Limited,
    /// All requested mail, because rate limits are off.
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
