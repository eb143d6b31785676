//! `/auth`: sign-up, login, token refresh and logout.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use taskwell_core::accounts::{self, SignUp};
use taskwell_core::app::App;
use taskwell_core::error::Problems;
use taskwell_core::sessions::{self, Grant, LoginContext, RefreshToken};
use taskwell_core::users::password::{Password, Policy};
use taskwell_core::users::{Email, Name, Username};
use utoipa::ToSchema;

use super::message::{MessageWire, message};
use super::users::UserWire;
use crate::client::Visitor;
use crate::doc::{Api, Doc, Schemas, named};
use crate::extract::{Body, Token};
use crate::form::{JsonOrForm, MULTIPART, URLENCODED};
use crate::raw_field::RawField;
use crate::tree::{Answer, Failure, json as answer, secret_json};
use crate::wire::{EmailText, NameText, PasswordText, UsernameText};

pub fn routes(api: Api) -> Api {
    let documented = |id, summary| {
        Doc::new(id, summary)
            .public()
            .body::<SignUpWire>()
            .answers::<SignedUpWire>(StatusCode::CREATED, "The account was created.")
            .fails(StatusCode::BAD_REQUEST, "Username or email already exists")
    };
    api.post("/auth/signup", sign_up, documented("signUp", "Create an account"))
        .post(
            "/auth/register",
            sign_up,
            documented("register", "Create an account").note("An alias of `/auth/signup`."),
        )
        .post("/auth/login", login, login_doc())
        .post(
            "/auth/refresh",
            refresh,
            Doc::new("refresh", "Get new tokens")
                .note(
                    "A refresh token is valid for one use. If you use it again, the session \
                       ends. Refresh tokens from `/user/login` do not rotate: the response \
                       contains them unchanged.",
                )
                .public()
                .body::<RefreshWire>()
                .answers::<TokensWire>(StatusCode::OK, "New tokens for the same session.")
                .fails(StatusCode::UNAUTHORIZED, "Invalid token"),
        )
        .post(
            "/auth/logout",
            logout,
            Doc::new("logout", "Log out")
                .note(
                    "Ends the session. Its access token and its refresh token stop working at \
                       once.",
                )
                .answers::<MessageWire>(StatusCode::OK, "The session has ended."),
        )
}

fn login_doc() -> Doc {
    Doc::new("login", "Log in")
        .note(
            "Log in with an email address or a username. The endpoint also accepts the OAuth2 \
             password form, URL-encoded or as multipart. It ignores unknown fields.",
        )
        .public()
        .body::<LoginWire>()
        .body_also(URLENCODED, named::<PasswordFormWire>)
        .body_also(MULTIPART, password_form_data)
        // openapi-python-client generates an import that operations with several bodies need only
        // if a header is documented.
        .header_parameter(
            "User-Agent",
            json!({ "type": "string" }),
            "Names the session in the list of sessions.",
        )
        .answers::<TokensWire>(StatusCode::OK, "The tokens of a new session.")
        .fails(StatusCode::UNAUTHORIZED, "Incorrect email or password")
}

pub async fn sign_up(
    State(app): State<App>,
    visitor: Visitor,
    Body(wire): Body<SignUpWire>,
) -> Answer {
    let new = wire?.read(app.settings().password_chars_min)?;
    let user = accounts::register(&app, new, &visitor.login_context(false)).await?;
    let message = "User created successfully";
    Ok(answer(StatusCode::CREATED, &SignedUpWire { message, user: user.into() }))
}

pub async fn login(
    State(app): State<App>,
    visitor: Visitor,
    JsonOrForm(wire): JsonOrForm<LoginWire>,
) -> Answer {
    let (login, password, code) = wire?.read()?;
    let grant = accounts::login(
        &app,
        login,
        password,
        LoginContext { code, ..visitor.login_context(false) },
    )
    .await?;
    Ok(secret_json(StatusCode::OK, &TokensWire::from(grant)))
}

pub async fn refresh(
    State(app): State<App>,
    visitor: Visitor,
    Body(wire): Body<RefreshWire>,
) -> Answer {
    let token = RefreshToken::claimed(wire?.read()?);
    let grant = accounts::refresh(&app, token, visitor.login_context(false)).await?;
    Ok(secret_json(StatusCode::OK, &TokensWire::from(grant)))
}

pub async fn logout(State(app): State<App>, Token(claims): Token) -> Answer {
    app.write(claims, Ok::<_, Failure>(()), |tx, caller, ()| sessions::end(tx, caller)).await?;
    Ok(message(StatusCode::OK, "Successfully logged out"))
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
    /// Validates the login: the name or address, the password, and the code of a second factor.
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

/// Returns the schema of the same form as multipart.
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

impl From<Grant> for TokensWire {
    fn from(grant: Grant) -> TokensWire {
        TokensWire {
            access_token: grant.access_token,
            token_type: "bearer",
            expires_in: grant.expires_in_s,
            refresh_token: grant.refresh_token.as_str().to_owned(),
        }
    }
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
