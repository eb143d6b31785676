//! Mail: a queue in the store, so that it survives a restart and is tried again. What is queued holds no text and no
//! secret; the token of a link is made when its mail is sent, and stored as a hash. Who sends is the process's.

mod model;
mod sql;

use ring::digest;

pub use model::{Kind, Outgoing, device};

use crate::audit::Who;
use crate::clock::hex;
use crate::db::Tx;
use crate::error::{Error, Result, Unproven};

/// How long after each attempt it is tried again, in seconds; after the last of them it is given up.
const AGAIN_AFTER_S: [i64; 8] = [30, 120, 600, 1800, 7200, 21_600, 43_200, 86_400];

/// How much that nobody is to get is dropped in one transaction.
const DROPPED_AT_ONCE_MAX: usize = 64;

/// Queues mail, where there is any. Without a `user` it is for the account that has this address when it is sent, if one has
/// it then; `recipient` is folded.
pub(crate) fn queue(
    tx: &mut Tx,
    who: Who,
    kind: Kind,
    user: Option<i64>,
    recipient: &str,
    detail: Option<&str>,
) -> Result<()> {
    if who.mails { sql::insert(tx, kind, user, recipient, detail) } else { Ok(()) }
}

/// Mail that is to be sent now, if there is any. Whether that goes well or not, it is put off: who has sent it says so by
/// [`sent`], and who dies on the way is replaced by a later try. What nobody is to get is dropped.
pub(crate) fn next(tx: &mut Tx, base: &str) -> Result<Option<Outgoing>> {
    for _ in 0..DROPPED_AT_ONCE_MAX {
        let Some(mut mail) = sql::due(tx)? else {
            return Ok(None);
        };
        let wait = usize::try_from(mail.attempts).ok().and_then(|attempts| AGAIN_AFTER_S.get(attempts));
        let Some(wait) = wait else {
            tracing::error!(id = mail.id, kind = mail.kind.as_str(), "mail was given up");
            sql::delete(tx, mail.id)?;
            continue;
        };
        if mail.user.is_none() {
            let Some(account) = sql::find_account(tx, &mail.recipient)? else {
                sql::delete(tx, mail.id)?;
                continue;
            };
            (mail.user, mail.recipient) = (Some(account.user), account.email);
        }
        let token = match (mail.kind.token_s(), mail.user) {
            (Some(seconds), Some(user)) => {
                let token = hex(&tx.new_secret()?);
                let expires_at = tx.now().plus_seconds(seconds);
                sql::insert_token(tx, &hash(&token), user, mail.kind, &mail.recipient, expires_at)?;
                Some(token)
            }
            _ => None,
        };
        sql::put_off(tx, mail.id, tx.now().plus_seconds(*wait))?;
        return Ok(Some(model::write(&mail, base, token.as_deref())));
    }
    Ok(None)
}

/// Mail was sent.
pub(crate) fn sent(tx: &mut Tx, id: i64) -> Result<()> {
    sql::delete(tx, id)
}

/// Whom a token was sent to. It is used up by [`use_up`].
///
/// # Errors
/// It was not sent by us for this, or was used, or its time is over.
pub(crate) fn redeem(tx: &mut Tx, token: &str, purpose: Kind) -> Result<(i64, String)> {
    let sent = sql::find_token(tx, &hash(token), purpose)?;
    sent.map(|sent| (sent.user, sent.email)).ok_or(Error::Unauthenticated(Unproven::BadRefreshToken))
}

/// Ends a user's tokens of one purpose, whether they were used or not.
pub(crate) fn use_up(tx: &mut Tx, user: i64, purpose: Kind) -> Result<()> {
    sql::delete_tokens(tx, user, purpose)
}

fn hash(token: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, token.as_bytes()).as_ref().to_vec()
}
