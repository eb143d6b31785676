//! Sign-up: creates accounts, with or without a first session.

use crate::app::{App, Operator};
use crate::audit::{self, Action, Actor};
use crate::db::WriteTx;
use crate::error::{AuthError, Error, Result};
use crate::mail;
use crate::sessions::{self, Grant, LoginContext};
use crate::settings::Mails;
use crate::users::password::Password;
use crate::users::{self, Draft, Email, Name, Role, User, Username};

/// A parsed sign-up.
pub struct SignUp {
    /// If `None`, Taskwell derives one from the address.
    pub username: Option<Username>,
    pub name: Option<Name>,
    pub email: Email,
    pub password: Password,
}

/// Creates an account with the role `user`.
pub async fn register(app: &App, new: SignUp, login_context: &LoginContext) -> Result<User> {
    app.0.limits.sign_up(login_context.client, app.0.clock.now()).await?;
    let making = Box::pin(make(app, new, Role::User, login_context));
    app.or_replay_anonymous(login_context, making).await
}

/// Creates an account and opens its first session, in one transaction.
pub async fn sign_up(app: &App, new: SignUp, login_context: LoginContext) -> Result<Grant> {
    if app.settings().verified_email_required {
        register(app, new, &login_context).await?;
        return Err(Error::Unauthenticated(AuthError::UnverifiedEmail));
    }
    app.0.limits.sign_up(login_context.client, app.0.clock.now()).await?;
    let draft = draft(app, new, Role::User).await?;
    let parts = app.rules();
    app.0
        .db
        .write(move |tx| {
            let user = users::register(tx, &draft)?;
            let who = Actor {
                user: Some(user.id),
                client: login_context.client,
                mails: parts.settings.mailing(),
            };
            signed_up(tx, who, &user)?;
            sessions::open(tx, &parts.keys, &parts.settings, user, &login_context)
        })
        .await
}

async fn draft(app: &App, new: SignUp, role: Role) -> Result<Draft> {
    let (username, email) = (new.username.clone(), new.email.clone());
    app.0.db.read(move |tx| users::require_free(tx, username.as_ref(), &email)).await?;
    Ok(Draft {
        username: new.username,
        name: new.name,
        email: new.email,
        password: app.0.hasher.hash(new.password).await?,
        role,
    })
}

/// Creates an account with any role, for the operator.
pub async fn create(operator: &Operator, new: SignUp, role: Role) -> Result<User> {
    make(operator.app(), new, role, &LoginContext::default()).await
}

async fn make(app: &App, new: SignUp, role: Role, login_context: &LoginContext) -> Result<User> {
    let client = login_context.client;
    let draft = draft(app, new, role).await?;
    let mails = if role == Role::User { app.settings().mailing() } else { Mails::Off };
    let write = move |tx: &mut WriteTx| {
        let user = users::register(tx, &draft)?;
        let who = Actor { user: client.map(|_| user.id), client, mails };
        signed_up(tx, who, &user)?;
        Ok(user)
    };
    app.write_anonymous(login_context, write).await
}

/// Writes the audit entry of a sign-up and queues the welcome mail.
fn signed_up(tx: &mut WriteTx, who: Actor, user: &User) -> Result<()> {
    let id = Some(user.id);
    audit::record(tx, who, id, Action::SignedUp, None)?;
    mail::queue_welcome(tx, who, user.id, &user.email)
}
