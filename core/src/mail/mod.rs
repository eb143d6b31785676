//! Mail: a queue in the store, so that it survives a restart and is tried again. What is queued
//! holds no text and no secret; the token of a link is made when its mail is sent, and stored as a
//! hash. How much may be queued is limited (`quota`), and accounts take turns. Who sends is the
//! process's.

mod model;
mod quota;
mod sql;

use ring::digest;

use model::New;
pub(crate) use model::password_change;
pub use model::{MailKind, Outgoing, device};

use self::sql::Sent;
use crate::audit::Actor;
use crate::clock::hex;
use crate::db::{ReadTx, WriteTx};
use crate::error::{AuthError, Error, Result};
use crate::ids::{MailId, UserId};
use crate::settings::Mails;
use quota::{Quota, WhenFull};

/// How long after each attempt it is tried again, in seconds; after the last of them it is given
/// up.
const AGAIN_AFTER_S: [i64; 8] = [30, 120, 600, 1800, 7200, 21_600, 43_200, 86_400];

/// A token: 256 bits in hexadecimal.
const TOKEN_CHARS: usize = 64;

/// Queues mail, where there is any. Without a `user` it is for the account that has this address
/// when it is sent, if one has it then; `recipient` is its key.
///
/// Beyond the limits, a notice waits for its place, a link that a stranger asked for is dropped,
/// and one that the account's owner asked for is refused.
///
/// # Errors
/// [`Error::TooMany`], only for [`MailKind::Verify`].
pub(crate) fn queue(
    tx: &mut WriteTx,
    who: Actor,
    kind: MailKind,
    user: Option<UserId>,
    recipient: &str,
    detail: Option<&str>,
) -> Result<()> {
    let (full, quotas) = match (kind, user) {
        (MailKind::Verify, Some(user)) => {
            let mut quotas = vec![Quota::of_address(recipient), Quota::of_account(user)];
            quotas.extend(who.client.map(Quota::of_client));
            (WhenFull::Refuse, quotas)
        }
        // Strangers are not told: whether the address got mail is its owner's business.
        (_, None) => {
            let mut quotas =
                vec![Quota::of_address(recipient), Quota::of_address_by_strangers(recipient)];
            quotas.extend(who.client.map(Quota::of_client));
            (WhenFull::Drop, quotas)
        }
        (MailKind::NewDevice, Some(user)) => {
            let quotas = vec![
                Quota::of_address(recipient),
                Quota::of_address_by_logins(recipient),
                Quota::of_account(user),
                Quota::of_account_by_logins(user),
            ];
            (WhenFull::Drop, quotas)
        }
        // A notice is not its client's to use up.
        (_, Some(user)) => {
            (WhenFull::Defer, vec![Quota::of_address(recipient), Quota::of_account(user)])
        }
    };
    let waiting = New { kind, user, recipient, detail };
    push(tx, who, &waiting, &quotas, full)
}

/// Queues the link by which a new account proves its address. Beyond the limits it waits for its
/// place: others may have used up what the address may get, and must not keep its owner from
/// signing up.
///
/// # Errors
/// [`Error::TooMany`] if that would take more than a day.
pub(crate) fn queue_welcome(
    tx: &mut WriteTx,
    who: Actor,
    user: UserId,
    recipient: &str,
) -> Result<()> {
    let mut quotas = vec![Quota::of_address(recipient), Quota::of_account(user)];
    quotas.extend(who.client.map(Quota::of_client));
    let waiting = New { kind: MailKind::Verify, user: Some(user), recipient, detail: None };
    push(tx, who, &waiting, &quotas, WhenFull::DeferOrRefuse)
}

fn push(tx: &mut WriteTx, who: Actor, new: &New, quotas: &[Quota], full: WhenFull) -> Result<()> {
    let at = match who.mails {
        Mails::Off => None,
        Mails::Unlimited => Some(tx.now()),
        Mails::Limited => quota::take(tx, quotas, full)?,
    };
    match at {
        Some(at) => sql::insert(tx, new, at),
        None => Ok(()),
    }
}

/// What the next look into the queue came to.
pub(crate) enum Next {
    Mail(Outgoing),
    /// Nobody is to get what was next: look again.
    Dropped,
    Nothing,
}

/// Mail that is to be sent now, if there is any. Whether that goes well or not, it is put off:
/// whoever has sent it says so by [`sent`], and a later try takes the place of one that did not
/// come to that. What nobody is to get is dropped.
pub(crate) fn next(tx: &mut WriteTx, mails: Mails, base: &str) -> Result<Next> {
    let Some(due) = sql::due(tx)? else {
        return Ok(Next::Nothing);
    };
    // Whatever ends links holds their account first. So does this: a link is made before they end,
    // and ends with them, or the mail is gone by the time it is held.
    let account = match (due.kind.token_s(), due.user_id) {
        (None, _) => None,
        (Some(_), Some(user)) => sql::hold_account(tx, user)?,
        (Some(_), None) => sql::hold_account_of(tx, &due.recipient)?,
    };
    let Some(mut mail) = sql::hold(tx, due.id)? else {
        return Ok(Next::Dropped);
    };
    let wait = usize::try_from(mail.attempts).ok().and_then(|attempts| AGAIN_AFTER_S.get(attempts));
    let Some(wait) = wait else {
        tracing::error!(
            id = mail.id.0,
            kind = mail.kind.as_str(),
            "gave up sending mail after {} attempts; check SMTP_URL and the mail server",
            AGAIN_AFTER_S.len()
        );
        sql::delete(tx, mail.id)?;
        return Ok(Next::Dropped);
    };
    let mut token = None;
    if let Some(seconds) = mail.kind.token_s() {
        // A link for an account goes to the address that the account has now, and to no other.
        let account =
            account.filter(|account| mail.user_id.is_none() || account.email == mail.recipient);
        let Some(account) = account else {
            sql::delete(tx, mail.id)?;
            return Ok(Next::Dropped);
        };
        let is_by_stranger = mail.user_id.is_none();
        if mails == Mails::Limited
            && is_by_stranger
            && mail.attempts == 0
            && !has_place(tx, account.user)?
        {
            sql::delete(tx, mail.id)?;
            return Ok(Next::Dropped);
        }
        token = Some(new_link(tx, mail.kind, &account, seconds)?);
        (mail.user_id, mail.recipient) = (Some(account.user), account.email);
    }
    sql::put_off(tx, mail.id, tx.now().plus_seconds(*wait))?;
    Ok(Next::Mail(model::write(&mail, base, token.as_deref())))
}

/// Takes an account's place for a mail that a stranger asked for; whether there was one. Whose mail
/// it is, is known only when it is sent.
fn has_place(tx: &mut WriteTx, user: UserId) -> Result<bool> {
    let quotas = [Quota::of_account(user), Quota::of_account_by_strangers(user)];
    Ok(quota::take(tx, &quotas, WhenFull::Drop)?.is_some())
}

/// Makes the token of a new link, valid for that many seconds, and ends the older links of its
/// purpose.
fn new_link(tx: &mut WriteTx, purpose: MailKind, to: &Sent, seconds: i64) -> Result<String> {
    let token = hex(&tx.new_secret()?);
    let expires_at = tx.now().plus_seconds(seconds);
    sql::delete_tokens(tx, to.user, purpose)?;
    sql::insert_token(tx, &hash(&token), to.user, purpose, &to.email, expires_at)?;
    Ok(token)
}

/// Deletes some of the tokens whose time is over, and of what no limit counts any longer; whether
/// there may be more.
pub(crate) fn prune(tx: &mut WriteTx) -> Result<bool> {
    let now = tx.now();
    let is_more = sql::prune_tokens(tx, now)?;
    Ok(sql::prune_sent(tx, now.plus_seconds(-quota::COUNTED_FOR_S))? || is_more)
}

/// Mail was sent.
pub(crate) fn sent(tx: &mut WriteTx, id: MailId) -> Result<()> {
    sql::delete(tx, id)
}

/// Whom a token was sent to. It is used up by [`end_links`].
///
/// # Errors
/// It was not sent by us for this, or was used or ended, or its time is over.
pub(crate) fn redeem(tx: &mut ReadTx, token: &str, purpose: MailKind) -> Result<(UserId, String)> {
    // What no token of ours can be is not even hashed.
    let sent =
        if token.len() == TOKEN_CHARS { sql::find_token(tx, &hash(token), purpose)? } else { None };
    sent.map(|sent| (sent.user, sent.email))
        .ok_or(Error::Unauthenticated(AuthError::BadRefreshToken))
}

/// Ends a user's links of one purpose: those that were sent, used or not, and those that are still
/// to be sent to the address that the account has now. The account must be held.
pub(crate) fn end_links(tx: &mut WriteTx, user: UserId, purpose: MailKind) -> Result<()> {
    sql::delete_waiting(tx, user, purpose)?;
    sql::delete_tokens(tx, user, purpose)
}

fn hash(token: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, token.as_bytes()).as_ref().to_vec()
}
