//! The second factor of the caller's own account. Turning it on or off requires the password.

use super::login::write_failed_proof;
use super::password::{credentials, prove, require_same};
use crate::app::App;
use crate::audit::{self, Action};
use crate::bearer::Bearer;
use crate::db::WriteTx;
use crate::error::{Error, Result};
use crate::totp::{self, Enrolment, State};
use crate::users::Caller;
use crate::users::password::Password;

/// Returns the state of the caller's second factor.
pub async fn state(app: &App, token: Bearer) -> Result<State> {
    app.read(token, Ok::<_, Error>(()), |tx, caller, ()| {
        caller.require_session()?;
        totp::state(tx, caller.id())
    })
    .await
}

/// Makes a secret for an authenticator; it guards nothing until [`confirm`].
pub async fn enrol(app: &App, token: Bearer, password: Password) -> Result<Enrolment> {
    let me = credentials(app, &token).await?;
    let account = me.user.email.clone();
    let proven = prove(app, &token, me, password, "password").await?;
    app.write_without_replay(
        token,
        Ok::<_, Error>((proven, account)),
        |tx, caller, (proven, account)| {
            require_same(tx, caller.id(), proven)?;
            totp::enrol(tx, caller.id(), account)
        },
    )
    .await
}

/// Turns the second factor on with a first code, and returns the recovery codes, which are never
/// shown again. Wrong codes count like wrong passwords.
pub async fn confirm<E: From<Error>>(
    app: &App,
    token: Bearer,
    code: Result<String, E>,
) -> Result<Vec<String>, E> {
    match code {
        Ok(code) => Ok(confirm_code(app, token, code).await?),
        Err(wrong) => Err(app.refuse(token, wrong).await),
    }
}

async fn confirm_code(app: &App, token: Bearer, code: String) -> Result<Vec<String>> {
    let (me, client) = (credentials(app, &token).await?.user.id, token.client());
    let guess = app.0.limits.proof(client, me, app.0.clock.now()).await?;
    let confirm = |tx: &mut WriteTx, caller: &Caller, code: &String| {
        caller.require_session()?;
        let codes = totp::confirm(tx, caller.id(), code)?;
        audit::record(tx, caller.who(), Some(caller.id()), Action::TwoFactorOn, None)?;
        Ok(codes)
    };
    let confirmed = app.write_without_replay(token, Ok::<_, Error>(code), confirm).await;
    if let Err(Error::Invalid(_)) = confirmed {
        write_failed_proof(app, me, client).await?;
    } else {
        app.0.limits.give_back(guess, app.0.clock.now()).await;
    }
    confirmed
}

/// Turns the second factor off.
pub async fn remove(app: &App, token: Bearer, password: Password) -> Result<()> {
    let me = credentials(app, &token).await?;
    let proven = prove(app, &token, me, password, "password").await?;
    app.write(token, Ok::<_, Error>(proven), |tx, caller, proven| {
        require_same(tx, caller.id(), proven)?;
        totp::remove(tx, caller.id())?;
        audit::record(tx, caller.who(), Some(caller.id()), Action::TwoFactorOff, None)
    })
    .await
}
