//! Mail: a queue in the store, so that mail survives a restart and failed attempts are repeated.
//! Queued mail contains no text and no secret: the token of a link is generated when its mail is
//! sent, and stored as a hash. `quota` limits how much mail can be queued, and accounts take turns.
//! The process delivers the mail.

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

/// Delay after each attempt, in seconds. After the last one, Taskwell gives up.
const AGAIN_AFTER_S: [i64; 8] = [30, 120, 600, 1800, 7200, 21_600, 43_200, 86_400];

/// A token: 256 bits in hexadecimal.
const TOKEN_CHARS: usize = 64;

/// Queues mail, if mail is on. Without a `user`, the mail is for the account that has this address
/// when the mail is sent, if any; `recipient` is then the key of the address.
///
/// Over the limits, a notice is delayed, a link that a stranger requested is dropped, and a link
/// that the account's owner requested is refused.
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
        // Strangers get no error: only the owner of an address may know whether it received mail.
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
        // Notices do not count against the limit of the client.
        (_, Some(user)) => {
            (WhenFull::Defer, vec![Quota::of_address(recipient), Quota::of_account(user)])
        }
    };
    let waiting = New { kind, user, recipient, detail };
    push(tx, who, &waiting, &quotas, full)
}

/// Queues the link that verifies the address of a new account. Over the limits, the mail is
/// delayed: others may have used up the limit of the address, and must not keep its owner from
/// signing up.
///
/// # Errors
/// [`Error::TooMany`] if the delay would exceed a day.
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

/// The result of taking the next message from the queue.
pub(crate) enum Next {
    Mail(Outgoing),
    /// The next message had no valid recipient and was deleted. Call again.
    Dropped,
    Nothing,
}

/// Returns the next message to send now, if any, and schedules its next attempt. After a delivery,
/// the sender calls [`sent`]; otherwise the next attempt takes place. Deletes a message that has no
/// valid recipient.
pub(crate) fn next(tx: &mut WriteTx, mails: Mails, base: &str) -> Result<Next> {
    let Some(due) = sql::due(tx)? else {
        return Ok(Next::Nothing);
    };
    // Code that ends links locks their account first, and so does this function. Either the link is
    // created first and ends with the others, or the message is gone once the account is locked.
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
        // A link for an account goes only to the current address of the account.
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

/// Charges the limits of the account for mail that a stranger requested. Returns whether they allow
/// it. The account is known only when the mail is sent.
fn has_place(tx: &mut WriteTx, user: UserId) -> Result<bool> {
    let quotas = [Quota::of_account(user), Quota::of_account_by_strangers(user)];
    Ok(quota::take(tx, &quotas, WhenFull::Drop)?.is_some())
}

/// Generates the token of a new link, valid for `seconds`, and ends the older links of its purpose.
fn new_link(tx: &mut WriteTx, purpose: MailKind, to: &Sent, seconds: i64) -> Result<String> {
    let token = hex(&tx.new_secret()?);
    let expires_at = tx.now().plus_seconds(seconds);
    sql::delete_tokens(tx, to.user, purpose)?;
    sql::insert_token(tx, &hash(&token), to.user, purpose, &to.email, expires_at)?;
    Ok(token)
}

/// Deletes a batch of expired tokens and of counted mail that no limit counts any longer. Returns
/// whether there may be more.
pub(crate) fn prune(tx: &mut WriteTx) -> Result<bool> {
    let now = tx.now();
    let is_more = sql::prune_tokens(tx, now)?;
    Ok(sql::prune_sent(tx, now.plus_seconds(-quota::COUNTED_FOR_S))? || is_more)
}

/// Removes a message from the queue after its delivery.
pub(crate) fn sent(tx: &mut WriteTx, id: MailId) -> Result<()> {
    sql::delete(tx, id)
}

/// Returns the user and the address that a token was sent to. [`end_links`] invalidates the token.
///
/// # Errors
/// The token is unknown, expired, used, ended or for another purpose.
pub(crate) fn redeem(tx: &mut ReadTx, token: &str, purpose: MailKind) -> Result<(UserId, String)> {
    // A text of another length cannot be a token, so it is not hashed.
    let sent =
        if token.len() == TOKEN_CHARS { sql::find_token(tx, &hash(token), purpose)? } else { None };
    sent.map(|sent| (sent.user, sent.email))
        .ok_or(Error::Unauthenticated(AuthError::BadRefreshToken))
}

/// Ends a user's links of one purpose: those already sent, used or not, and those queued for the
/// current address of the account. The caller must have locked the account.
pub(crate) fn end_links(tx: &mut WriteTx, user: UserId, purpose: MailKind) -> Result<()> {
    sql::delete_waiting(tx, user, purpose)?;
    sql::delete_tokens(tx, user, purpose)
}

fn hash(token: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, token.as_bytes()).as_ref().to_vec()
}
