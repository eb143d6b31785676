//! `/users/me/tokens`: personal access tokens.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use serde_json::json;
use taskwell_core::app::App;
use taskwell_core::error::{Code, Error, Problems};
use taskwell_core::time::Timestamp;
use taskwell_core::tokens::{self, Days, NewToken, PersonalToken, TokenName};
use taskwell_core::users::{Scope, Scopes};
use utoipa::ToSchema;
use uuid::Uuid;

use super::problem::TOO_MANY_TOKENS;
use crate::doc::{Api, Doc};
use crate::extract::{Body, PathText, Token};
use crate::raw_field::RawField;
use crate::tree::{Answer, Failure, json as answer, secret_json};
use crate::wire::NameText;

pub fn routes(api: Api) -> Api {
    api.get(
        "/users/me/tokens",
        list,
        Doc::new("listTokens", "List your personal access tokens").answers_list::<TokenWire>(
            StatusCode::OK,
            "Your personal access tokens, newest first, without their secrets.",
        ),
    )
    .post(
        "/users/me/tokens",
        create,
        Doc::new("createToken", "Create a personal access token")
            .note(
                "The token is for a program that acts on your behalf. It can do no more than its \
                   scopes allow. This endpoint requires an access token from a login.",
            )
            .body::<NewTokenWire>()
            .answers::<MadeTokenWire>(
                StatusCode::CREATED,
                "The token with its secret. The server shows the secret only once.",
            )
            .fails(StatusCode::FORBIDDEN, "Not enough permissions")
            .fails(StatusCode::CONFLICT, TOO_MANY_TOKENS),
    )
    .delete(
        "/users/me/tokens/{token_id}",
        delete,
        Doc::new("deleteToken", "Delete a personal access token")
            .note("Requires an access token from a login.")
            .path("token_id", json!({ "type": "string", "format": "uuid" }), "The token's id.")
            .empty(StatusCode::NO_CONTENT, "The token was deleted and stops working at once.")
            .fails(StatusCode::FORBIDDEN, "Not enough permissions")
            .fails(StatusCode::NOT_FOUND, "Token not found"),
    )
}

pub async fn list(State(app): State<App>, Token(claims): Token) -> Answer {
    let tokens =
        app.read(claims, Ok::<_, Failure>(()), |tx, caller, ()| tokens::list(tx, caller)).await?;
    let wires: Vec<TokenWire> = tokens.into_iter().map(Into::into).collect();
    Ok(answer(StatusCode::OK, &wires))
}

pub async fn create(
    State(app): State<App>,
    Token(claims): Token,
    Body(wire): Body<NewTokenWire>,
) -> Answer {
    let new = wire.and_then(NewTokenWire::read);
    let (token, secret) = app.write_without_replay(claims, new, tokens::create).await?;
    let wire = MadeTokenWire { token: secret.as_str().to_owned(), made: token.into() };
    Ok(secret_json(StatusCode::CREATED, &wire))
}

pub async fn delete(State(app): State<App>, Token(claims): Token, path: PathText) -> Answer {
    let uuid = Some(&path.0)
        .filter(|text| text.len() == 36)
        .and_then(|text| Uuid::try_parse(text).ok())
        .ok_or_else(|| Failure::Core(Error::invalid("token_id", Code::Format, "must be a UUID")));
    app.write(claims, uuid, |tx, caller, uuid| tokens::delete(tx, caller, *uuid)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// A personal access token, without its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = Token)]
pub struct TokenWire {
    id: Uuid,
    #[schema(example = "backup script")]
    name: String,
    #[schema(value_type = Vec<ScopeWord>)]
    scopes: Vec<&'static str>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Accurate to the hour; `null` before the first use.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    last_used_at: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

impl From<PersonalToken> for TokenWire {
    fn from(token: PersonalToken) -> TokenWire {
        TokenWire {
            id: token.uuid,
            name: token.name,
            scopes: token.scopes.iter().map(Scope::as_str).collect(),
            created_at: token.created_at,
            last_used_at: token.last_used_at,
            expires_at: token.expires_at,
        }
    }
}

/// A new personal access token.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewToken)]
pub struct NewTokenWire {
    /// What you use the token for.
    #[serde(default)]
    #[schema(value_type = NameText, required, example = "backup script")]
    name: RawField,
    #[serde(default)]
    #[schema(
        value_type = Vec<ScopeWord>, required, min_items = 1, max_items = 32,
        example = json!(["tasks:read"])
    )]
    scopes: RawField,
    /// Lifetime in days.
    #[serde(default)]
    #[schema(value_type = i64, required = false, minimum = 1, maximum = 366, default = 90)]
    expires_in_days: RawField,
}

impl NewTokenWire {
    pub fn read(self) -> Result<NewToken, Failure> {
        let p = &mut Problems::default();
        let name = self.name.required("name", p, TokenName::parse);
        let scopes =
            self.scopes.texts("scopes", p, |words| Scopes::parse(words.iter().map(String::as_str)));
        let days = self.expires_in_days.number("expires_in_days", p, Days::new).unwrap_or_default();
        let new = name.zip(scopes).map(|(name, scopes)| NewToken { name, scopes, days });
        Ok(std::mem::take(p).finish(new)?)
    }
}

/// A personal access token that was just created, with its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = MadeToken)]
pub struct MadeTokenWire {
    /// Send this as the bearer token. The server shows it only once.
    #[schema(example = "twpat_…")]
    pub token: String,
    #[serde(flatten)]
    pub made: TokenWire,
}

/// A permission of a personal access token.
#[derive(ToSchema)]
#[schema(as = Scope)]
#[expect(dead_code, reason = "names the words for the schema")]
pub enum ScopeWord {
    #[schema(rename = "tasks:read")]
    TasksRead,
    #[schema(rename = "tasks:write")]
    TasksWrite,
    #[schema(rename = "account:read")]
    AccountRead,
    #[schema(rename = "admin")]
    Admin,
}
