//! `/users`: the caller's own account, and for admins all accounts.

use std::time::Instant;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use taskwell_core::accounts;
use taskwell_core::app::{App, Lane};
use taskwell_core::error::{Error, Problems};
use taskwell_core::id_or_uuid::IdOrUuid;
use taskwell_core::text::Words;
use taskwell_core::time::Timestamp;
use taskwell_core::users::password::Password;
use taskwell_core::users::{self, Account, Email, Name, Role, User, Username};
use utoipa::ToSchema;
use uuid::Uuid;

use super::password::{PasswordProofWire, told};
use super::problem::{LAST_ADMIN, WRONG_PASSWORD};
use crate::doc::{Api, Doc, id_schema};
use crate::doc_lists::{paging_parameters, user_cursor, words_schema};
use crate::extract::{Body, MergePatch, PathText, Token};
use crate::paging::Paging;
use crate::parameters::Query;
use crate::raw_field::RawField;
use crate::stream;
use crate::tree::{Answer, Failure, combine, json};
use crate::wire::{EmailText, NameText, RoleWord, UsernameText};

pub fn routes(api: Api) -> Api {
    admin_routes(own_routes(api))
}

fn own_routes(api: Api) -> Api {
    api.get(
        "/users/me",
        me,
        Doc::new("getMe", "Get your account").answers::<UserWire>(StatusCode::OK, "Your account."),
    )
    .patch(
        "/users/me",
        update_me,
        account_update(Doc::new("updateMe", "Update your account"))
            .note("A new `email` requires your `current_password`."),
    )
    .delete(
        "/users/me",
        delete_me,
        Doc::new("deleteMe", "Delete your account")
            .note("Deletes the account and all its data. Requires your password.")
            .body::<PasswordProofWire>()
            .empty(StatusCode::NO_CONTENT, "The account was deleted.")
            .fails(StatusCode::FORBIDDEN, WRONG_PASSWORD)
            .fails(StatusCode::CONFLICT, LAST_ADMIN),
    )
}

fn admin_routes(api: Api) -> Api {
    api.get(
        "/users",
        list,
        paging_parameters(admin("listUsers", "List all accounts"), user_cursor())
            .query(
                "q",
                words_schema(),
                "Only accounts whose username, email address or name contains each of these words.",
            )
            .answers_list::<UserWire>(
                StatusCode::OK,
                "The accounts, ordered by id. Without a `limit`, a page has 100.",
            ),
    )
    .get(
        "/users/{user_id}",
        one,
        admin_of_user("getUser", "Get an account")
            .answers::<UserWire>(StatusCode::OK, "The account."),
    )
    .patch(
        "/users/{user_id}",
        update,
        account_update(admin_of_user("updateUser", "Update an account"))
            .note(
                "Only for admins. On your own account, it requires an access token from a login, \
                   and a new `email` requires your `current_password`.",
            )
            .fails(StatusCode::CONFLICT, LAST_ADMIN),
    )
    .delete(
        "/users/{user_id}",
        delete,
        admin_of_user("deleteUser", "Delete an account")
            .note(OWN_BY_SESSION)
            .empty(StatusCode::NO_CONTENT, "The account and all its data were deleted.")
            .fails(StatusCode::CONFLICT, LAST_ADMIN),
    )
}

/// Documents `PATCH` of any account.
fn account_update(doc: Doc) -> Doc {
    doc.body::<UserUpdateWire>()
        .answers::<UserWire>(StatusCode::OK, "The updated account.")
        .fails(StatusCode::BAD_REQUEST, "Username or email already exists")
        .fails(StatusCode::FORBIDDEN, WRONG_PASSWORD)
}

/// Documents an operation for admins.
pub fn admin(id: &'static str, summary: &'static str) -> Doc {
    Doc::new(id, summary)
        .note("Only for admins.")
        .fails(StatusCode::FORBIDDEN, "Not enough permissions")
}

/// Documents an operation for admins on one user.
pub fn admin_of_user(id: &'static str, summary: &'static str) -> Doc {
    admin(id, summary)
        .path("user_id", id_schema(), "The user's integer id or UUID.")
        .fails(StatusCode::NOT_FOUND, "User not found")
}

/// The note for operations whose path contains an id, which may be that of the admin's own account.
pub const OWN_BY_SESSION: &str =
    "Only for admins. On your own account, it requires an access token from a login.";

pub async fn me(State(app): State<App>, Token(claims): Token) -> Answer {
    let user =
        app.read(claims, Ok::<_, Failure>(()), |tx, caller, ()| users::me(tx, caller)).await?;
    Ok(json(StatusCode::OK, &UserWire::from(user)))
}

pub async fn update_me(
    State(app): State<App>,
    Token(claims): Token,
    MergePatch(wire): MergePatch<UserUpdateWire>,
) -> Answer {
    let input = wire.and_then(UserUpdateWire::read).map(|change| (Account::Own, change));
    let user = accounts::update(&app, claims, input).await?;
    Ok(json(StatusCode::OK, &UserWire::from(user)))
}

pub async fn delete_me(
    State(app): State<App>,
    Token(claims): Token,
    Body(wire): Body<PasswordProofWire>,
) -> Answer {
    let password = told(&app, &claims, wire.and_then(PasswordProofWire::read)).await?;
    accounts::delete(&app, claims, password).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub async fn list(State(app): State<App>, Token(claims): Token, mut query: Query) -> Answer {
    let p = &mut Problems::default();
    let paging = Paging::read(&mut query, p, users::parse_cursor);
    let limit = paging.limit.unwrap_or_default();
    let cursor = paging.start.map(|start| start.cursor(users::cursor_of));
    let words = query.take("q", p, Words::parse).unwrap_or_default();
    let lane = if words.is_empty() { Lane::Accounts } else { Lane::Search };
    let mut input = std::mem::take(p).finish(Some((words.clone(), cursor))).map_err(Failure::from);
    let mut wires: Vec<UserWire> = Vec::new();
    let begun = Instant::now();
    loop {
        let left = limit.get() - wires.len();
        let page = app
            .read_in(lane, claims.clone(), input, move |tx, caller, (words, cursor)| {
                users::list(tx, caller, words, left, *cursor)
            })
            .await?;
        wires.extend(page.items.into_iter().map(UserWire::from));
        let is_full = wires.len() == limit.get() || begun.elapsed() >= stream::PAGE_WITHIN;
        if page.next.is_none_or(|next| is_full && !next.is_skipping()) {
            return Ok(stream::page(&wires, page.next, &query.uri));
        }
        input = Ok((words.clone(), page.next));
    }
}

pub async fn one(State(app): State<App>, Token(claims): Token, path: PathText) -> Answer {
    let user =
        app.read(claims, key(&path.0), |tx, caller, key| users::one(tx, caller, *key)).await?;
    Ok(json(StatusCode::OK, &UserWire::from(user)))
}

pub async fn update(
    State(app): State<App>,
    Token(claims): Token,
    path: PathText,
    MergePatch(wire): MergePatch<UserUpdateWire>,
) -> Answer {
    let input = combine(key(&path.0).map(Account::Of), wire.and_then(UserUpdateWire::read));
    let user = accounts::update(&app, claims, input).await?;
    Ok(json(StatusCode::OK, &UserWire::from(user)))
}

pub async fn delete(State(app): State<App>, Token(claims): Token, path: PathText) -> Answer {
    app.write(claims, key(&path.0), |tx, caller, key| users::delete(tx, caller, *key)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub fn key(path: &str) -> Result<IdOrUuid, Failure> {
    IdOrUuid::parse(path).map_err(|flaw| Error::invalid("user_id", flaw.0, flaw.1).into())
}

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
