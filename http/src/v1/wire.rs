//! The shapes of accounts, sessions and errors in `v1`; those of tasks are in `wire_tasks`. Reading
//! them checks every member at once; the rules are the model's.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use taskwell_core::app::SignUp;
use taskwell_core::error::Problems;
use taskwell_core::sessions::Session;
use taskwell_core::time::Timestamp;
use taskwell_core::users::password::{Password, Policy};
use taskwell_core::users::{self, Email, Name, Role, TokensEnded, User, Username};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::doc::{Schemas, named};
use crate::raw_field::RawField;
use crate::tree::Failure;
use crate::wire::{EmailText, FieldProblemWire, NameText, PasswordText, RoleWord, UsernameText};

/// An account.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
pub struct UserWire {
    #[schema(example = 1)]
    id: i64,
    uuid: Uuid,
    #[schema(example = "ada")]
    username: String,
    #[schema(required, example = "Ada Lovelace")]
    name: Option<String>,
    #[schema(example = "ada@example.org")]
    email: String,
    #[schema(value_type = RoleWord)]
    role: &'static str,
    is_active: bool,
    email_verified: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl From<User> for UserWire {
    fn from(user: User) -> UserWire {
        UserWire {
            id: user.id.0,
            uuid: user.uuid,
            username: user.username,
            name: user.name,
            email: user.email,
            role: user.role.as_str(),
            is_active: user.is_active,
            email_verified: user.email_verified,
            created_at: user.created_at,
            updated_at: user.updated_at,
        }
    }
}

/// A sign-up.
#[derive(Deserialize, ToSchema)]
#[schema(as = SignUp)]
pub struct SignUpWire {
    /// Letters and digits of any script, `.`, `_` and `-`.
    #[schema(value_type = UsernameText, required)]
    #[serde(default)]
    username: RawField,
    #[schema(value_type = EmailText, required)]
    #[serde(default)]
    email: RawField,
    /// At least 8 characters and at most 72 bytes. It must not be a common password or your own
    /// name or email address.
    #[schema(value_type = PasswordText, required)]
    #[serde(default)]
    password: RawField,
    /// The display name.
    #[schema(value_type = Option<NameText>)]
    #[serde(default)]
    name: RawField,
}

impl SignUpWire {
    pub fn read(self, password_chars_min: usize) -> Result<SignUp, Failure> {
        let p = &mut Problems::default();
        let username = self.username.required("username", p, Username::parse);
        let email = self.email.required("email", p, Email::parse);
        let name = self.name.nullable("name", p, Name::parse);
        let own: Vec<&str> =
            [username.as_ref().map(Username::as_str), email.as_ref().map(Email::as_str)]
                .into_iter()
                .chain([name.as_ref().map(Name::as_str)])
                .flatten()
                .collect();
        let password = self.password.required("password", p, |text| {
            Password::chosen(text, Policy::House, password_chars_min, &own)
        });
        let new =
            email.zip(password).map(|(email, password)| SignUp { username, name, email, password });
        Ok(std::mem::take(p).finish(new)?)
    }
}

/// The response to a sign-up.
#[derive(Serialize, ToSchema)]
#[schema(as = SignedUp)]
pub struct SignedUpWire {
    #[schema(example = "User created successfully")]
    pub message: &'static str,
    pub user: UserWire,
}

/// A login with an email address or a username.
#[derive(Deserialize, ToSchema)]
#[schema(as = Login)]
pub struct LoginWire {
    #[schema(value_type = String, required = false, example = "ada@example.org")]
    #[serde(default)]
    email: RawField,
    /// Used if there is no `email`. It can also be an email address, as in the OAuth2 password
    /// form.
    #[schema(value_type = String, required = false, example = "ada")]
    #[serde(default)]
    username: RawField,
    #[schema(value_type = String, required, format = Password, example = "analytical engine 1843")]
    #[serde(default)]
    password: RawField,
    /// A code from the second factor, or a recovery code, if the account has a second factor.
    #[schema(value_type = String, required = false, example = "287082")]
    #[serde(default)]
    totp_code: RawField,
}

impl LoginWire {
    /// The name or address, the password, and the code of a second factor.
    pub fn read(self) -> Result<(String, Password, Option<String>), Failure> {
        let p = &mut Problems::default();
        let login = if matches!(self.email, RawField::Absent)
            && !matches!(self.username, RawField::Absent)
        {
            self.username.login("username", p)
        } else {
            self.username.optional("username", p, |_| Ok(()));
            self.email.login("email", p)
        };
        let password = self.password.required("password", p, |text| Ok(Password::claimed(text)));
        let code = self.totp_code.optional("totp_code", p, |code| Ok(code.to_owned()));
        let (login, password) = std::mem::take(p).finish(login.zip(password))?;
        Ok((login, password, code))
    }
}

/// The OAuth2 password form (RFC 6749, section 4.3.2), as HTML forms and `FastAPI` clients send it.
#[derive(ToSchema)]
#[schema(as = PasswordForm)]
#[expect(dead_code, reason = "names the members for the schema; they are read as those of a login")]
pub struct PasswordFormWire {
    /// A username or an email address.
    #[schema(pattern = "^[^\\x00\\ufffd]*$", example = "ada")]
    username: String,
    #[schema(format = Password, pattern = "^[^\\x00\\ufffd]*$", example = "analytical engine 1843")]
    password: String,
    /// A code from the second factor, or a recovery code, if the account has a second factor.
    #[schema(
        value_type = String, required = false, pattern = "^[^\\x00\\ufffd]*$", example = "287082"
    )]
    totp_code: Option<String>,
    /// Ignored.
    #[schema(value_type = String, required = false, pattern = "^password$", example = "password")]
    grant_type: Option<String>,
}

/// The same form in parts.
pub fn password_form_data(schemas: &mut Schemas) -> Value {
    named::<PasswordFormWire>(schemas);
    let form = schemas.get("PasswordForm").cloned().unwrap_or_default();
    schemas.insert("PasswordFormData".into(), form);
    json!({ "$ref": "#/components/schemas/PasswordFormData" })
}

/// The tokens of a session.
#[derive(Serialize, ToSchema)]
#[schema(as = Tokens)]
pub struct TokensWire {
    /// A JWT for the `Authorization` header.
    pub access_token: String,
    #[schema(example = "bearer")]
    pub token_type: &'static str,
    /// Lifetime of `access_token` in seconds.
    #[schema(example = 86400)]
    pub expires_in: i64,
    /// Valid for one refresh.
    pub refresh_token: String,
}

/// A refresh.
#[derive(Deserialize, ToSchema)]
#[schema(as = Refresh)]
pub struct RefreshWire {
    #[schema(value_type = String, required)]
    #[serde(default)]
    refresh_token: RawField,
}

impl RefreshWire {
    pub fn read(self) -> Result<String, Failure> {
        let p = &mut Problems::default();
        let token = self.refresh_token.text("refresh_token", p);
        Ok(std::mem::take(p).finish(token)?)
    }
}

/// A message for people.
#[derive(Serialize, ToSchema)]
#[schema(as = Message)]
pub struct MessageWire {
    pub message: &'static str,
}

/// An update of an account. Omitted fields stay unchanged.
#[derive(Deserialize, ToSchema)]
#[schema(as = UserUpdate)]
pub struct UserUpdateWire {
    #[schema(value_type = UsernameText, required = false)]
    #[serde(default)]
    username: RawField,
    #[schema(value_type = Option<NameText>)]
    #[serde(default)]
    name: RawField,
    #[schema(value_type = EmailText, required = false)]
    #[serde(default)]
    email: RawField,
    /// Only admins can change it; ignored in `/users/me`.
    #[schema(value_type = RoleWord, required = false)]
    #[serde(default)]
    role: RawField,
    /// Only admins can change it; ignored in `/users/me`.
    #[schema(value_type = bool, required = false)]
    #[serde(default)]
    is_active: RawField,
    /// Required for a new `email` of your own account; otherwise ignored.
    #[schema(value_type = String, required = false, format = Password)]
    #[serde(default)]
    current_password: RawField,
}

impl UserUpdateWire {
    pub fn read(self) -> Result<users::Change, Failure> {
        use taskwell_core::tasks::Patch;
        let p = &mut Problems::default();
        let update = users::Update {
            username: self.username.optional("username", p, Username::parse),
            name: match self.name.patch("name", p, Name::parse) {
                Patch::Keep => None,
                Patch::Clear => Some(None),
                Patch::Set(name) => Some(Some(name)),
            },
            email: self.email.optional("email", p, Email::parse),
            role: self.role.optional("role", p, Role::parse),
            is_active: self.is_active.flag("is_active", p),
        };
        let claimed = |text: &str| Ok(Password::claimed(text));
        let current_password = self.current_password.optional("current_password", p, claimed);
        Ok(std::mem::take(p).finish(Some(users::Change { update, current_password }))?)
    }
}

/// A change of the password.
#[derive(Deserialize, ToSchema)]
#[schema(as = PasswordChange)]
pub struct PasswordChangeWire {
    #[schema(value_type = String, required, format = Password)]
    #[serde(alias = "old_password")]
    #[serde(default)]
    current_password: RawField,
    #[schema(value_type = PasswordText, required)]
    #[serde(default)]
    new_password: RawField,
    /// Whether your personal access tokens stay valid. Keep them only if nobody else can have one.
    #[schema(value_type = bool, required = false, default = false)]
    #[serde(default)]
    keep_tokens: RawField,
}

impl PasswordChangeWire {
    /// The old one, what is wished for as the new one, and whether tokens are kept.
    pub fn read(self) -> Result<(Password, String, bool), Failure> {
        let p = &mut Problems::default();
        let old = self
            .current_password
            .required("current_password", p, |text| Ok(Password::claimed(text)));
        let new = self.new_password.text("new_password", p);
        let keeps_tokens = self.keep_tokens.flag("keep_tokens", p).unwrap_or(false);
        let (old, new) = std::mem::take(p).finish(old.zip(new))?;
        Ok((old, new, keeps_tokens))
    }
}

/// The response to a change of the password.
#[derive(Serialize, ToSchema)]
#[schema(as = PasswordChanged)]
pub struct PasswordChangedWire {
    #[schema(example = "The password was changed")]
    message: &'static str,
    /// Number of personal access tokens that the change ended.
    #[schema(example = 2)]
    tokens_ended: u64,
}

impl From<TokensEnded> for PasswordChangedWire {
    fn from(ended: TokensEnded) -> PasswordChangedWire {
        PasswordChangedWire { message: "The password was changed", tokens_ended: ended.0 }
    }
}

/// The password that confirms the request.
#[derive(Deserialize, ToSchema)]
#[schema(as = PasswordProof)]
pub struct PasswordProofWire {
    #[schema(value_type = String, required, format = Password)]
    #[serde(default)]
    password: RawField,
}

impl PasswordProofWire {
    pub fn read(self) -> Result<Password, Failure> {
        let p = &mut Problems::default();
        let password = self.password.required("password", p, |text| Ok(Password::claimed(text)));
        Ok(std::mem::take(p).finish(password)?)
    }
}

/// A session, which a login opened.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub struct SessionWire {
    id: Uuid,
    /// Whether this session sent the request.
    current: bool,
    /// Browser and system, derived from the user agent.
    #[schema(example = "Firefox on Linux")]
    name: String,
    #[schema(required)]
    user_agent: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Accurate to the hour.
    #[schema(value_type = String, format = DateTime)]
    last_used_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

impl SessionWire {
    pub fn new(session: Session, current: Option<Uuid>) -> SessionWire {
        SessionWire {
            id: session.uuid,
            current: Some(session.uuid) == current,
            name: session.name(),
            user_agent: session.user_agent,
            created_at: session.created_at,
            last_used_at: session.last_used_at,
            expires_at: session.expires_at,
        }
    }
}

/// An error (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemWire<'a> {
    /// `about:blank`: the status says what kind of error it is.
    #[serde(rename = "type")]
    #[schema(example = "about:blank")]
    pub kind: &'static str,
    #[schema(example = "Not Found")]
    pub title: &'a str,
    #[schema(example = 404)]
    pub status: u16,
    #[schema(example = "Task not found")]
    pub detail: &'a str,
    /// Every invalid field; empty if the error is not about fields.
    pub errors: Vec<FieldProblemWire<'a>>,
    /// With 410: the number of your newest change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<i64>,
    /// With 410: where to continue after you have read all tasks again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}
