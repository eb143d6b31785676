//! The shapes of personal access tokens and of the audit log in `v1`.

use serde::{Deserialize, Serialize};
use taskwell_core::audit::Entry;
use taskwell_core::error::Problems;
use taskwell_core::time::Timestamp;
use taskwell_core::tokens::{Days, NewToken, PersonalToken, TokenName};
use taskwell_core::users::{Scope, Scopes};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::raw_field::RawField;
use crate::tree::Failure;
use crate::wire::NameText;

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

/// An entry of the audit log.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub struct AuditWire {
    id: i64,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The user who acted; `null` if nobody was authenticated or an operator acted.
    #[schema(required)]
    actor_id: Option<i64>,
    /// The user whose account the entry is about; `null` if there is none.
    #[schema(required)]
    user_id: Option<i64>,
    #[schema(example = "logged_in")]
    action: String,
    /// The client's IP address.
    #[schema(required, example = "192.0.2.1")]
    client: Option<String>,
    #[schema(required)]
    detail: Option<String>,
}

impl From<Entry> for AuditWire {
    fn from(entry: Entry) -> AuditWire {
        AuditWire {
            id: entry.id.0,
            at: entry.at,
            actor_id: entry.actor.map(|id| id.0),
            user_id: entry.subject.map(|id| id.0),
            action: entry.action,
            client: entry.client,
            detail: entry.detail,
        }
    }
}
