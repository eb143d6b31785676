//! The second factor: a code from a device, required after the password. It protects logins, not
//! tokens.

mod model;
mod sql;

pub use model::{Enrolment, State};

use crate::db::{ReadTx, WriteTx};
use crate::error::{AuthError, Code, Conflict, Error, Result};
use crate::ids::UserId;

pub(crate) fn state(tx: &mut ReadTx, user: UserId) -> Result<State> {
    sql::state(tx, user)
}

/// Generates a secret for a device. Logins require it once [`confirm`] has verified a first code.
/// Until then, another call replaces it.
///
/// # Errors
/// The second factor is already on.
pub(crate) fn enrol(tx: &mut WriteTx, user: UserId, account: &str) -> Result<Enrolment> {
    match sql::find(tx, user)? {
        Some(totp) if totp.is_confirmed => return Err(Error::Conflict(Conflict::TwoFactorOn)),
        Some(_) => sql::delete(tx, user)?,
        None => {}
    }
    let secret = tx.new_secret()?;
    let secret = &secret[..model::SECRET_BYTES];
    sql::insert(tx, user, secret)?;
    Ok(Enrolment::new(secret, account))
}

/// Turns the second factor on with a first code, and returns the recovery codes, which are never
/// shown again.
pub(crate) fn confirm(tx: &mut WriteTx, user: UserId, code: &str) -> Result<Vec<String>> {
    let wrong =
        || Error::invalid("code", Code::WrongCode, "is not the current code of your authenticator");
    let totp = sql::find(tx, user)?.ok_or_else(wrong)?;
    if totp.is_confirmed {
        return Err(Error::Conflict(Conflict::TwoFactorOn));
    }
    let step = model::step_of(&totp.secret, code, tx.now(), totp.last_step).ok_or_else(wrong)?;
    sql::use_step(tx, user, step)?;
    sql::delete_all_recovery(tx, user)?;
    let mut codes = Vec::with_capacity(model::RECOVERY_CODES);
    for _ in 0..model::RECOVERY_CODES {
        let code = model::recovery_code(&tx.new_secret()?);
        sql::insert_recovery(tx, user, &model::recovery_hash(&code))?;
        codes.push(code);
    }
    Ok(codes)
}

/// Turns the second factor off.
pub(crate) fn remove(tx: &mut WriteTx, user: UserId) -> Result<()> {
    sql::delete(tx, user)?;
    sql::delete_all_recovery(tx, user)
}

/// Requires the second factor at a login, if it is on: a code from the device, or a recovery code,
/// which is valid once.
pub(crate) fn require(tx: &mut WriteTx, user: UserId, code: Option<&str>) -> Result<()> {
    let Some(totp) = sql::find(tx, user)?.filter(|totp| totp.is_confirmed) else {
        return Ok(());
    };
    let code = code.ok_or(Error::Unauthenticated(AuthError::CodeNeeded))?;
    let wrong = Error::Unauthenticated(AuthError::WrongCode);
    let Some(code) = model::typed(code) else {
        return Err(wrong);
    };
    if let Some(step) = model::step_of(&totp.secret, &code, tx.now(), totp.last_step) {
        return sql::use_step(tx, user, step);
    }
    if sql::delete_recovery(tx, user, &model::recovery_hash(&code))? {
        return Ok(());
    }
    Err(wrong)
}
