//! Coming from another back end: its accounts and tasks become ours, all in one transaction, so that nothing is half done. What
//! its tables look like is the shape's file.

mod fastapi;

use std::fmt;

use crate::db::{Db, Foreign, Long, Texts};
use crate::error::{Conflict, Error, Flaw, Result};
use crate::tasks::{self, Adopted};
use crate::time::Timestamp;
use crate::users::{self, Draft, Role, Standing, UserId};

/// Tasks that travel together.
const BATCH: usize = 200;

/// What an import came to, or would.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    pub users: Tally,
    /// So many of the users that come over are admins.
    pub admins: u64,
    pub tasks: Tally,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub come: u64,
    pub refused: u64,
}

/// What did not come over, or not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// `user` or `task`.
    pub noun: &'static str,
    /// Its id in the other database.
    pub id: String,
    /// Its column there.
    pub column: String,
    pub is_refused: bool,
    pub message: String,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.is_refused { "refused" } else { "changed" };
        write!(f, "{verdict}: {} {}: {}: {}", self.noun, self.id, self.column, self.message)
    }
}

/// A user as the other database has it.
struct Person {
    id: String,
    account: Result<Account, Remark>,
}

struct Account {
    draft: Draft,
    standing: Standing,
    /// The username there, where it can't be one here.
    unfit: Option<String>,
}

/// Reads another database and brings over what our rules allow. Without `apply` all is done the same, and undone in the end.
///
/// # Errors
/// The tables are not there, or are of another shape; then, and after any other error, nothing is written.
pub async fn fastapi(
    from: &Foreign,
    to: &Db,
    now: Timestamp,
    apply: bool,
    tell: impl FnMut(&Remark),
) -> Result<Report> {
    let tables = fastapi::Tables::find(from).await?;
    let mut import = Import {
        to: to.begin().await?,
        tell,
        report: Report::default(),
        now,
        current: None,
        waiting: Vec::new(),
    };
    from.each(&tables.orphans(), async |rows| {
        for row in rows {
            import.refuse(&tables.orphan(row));
        }
        Ok(())
    })
    .await?;
    from.each(&tables.people(), async |rows| {
        for row in rows {
            import.take(&tables, &row).await?;
        }
        Ok(())
    })
    .await?;
    import.flush().await?;
    if apply {
        import.to.commit().await?;
    }
    Ok(import.report)
}

struct Import<T> {
    to: Long,
    tell: T,
    report: Report,
    /// Stands for times that the other database does not have.
    now: Timestamp,
    /// Whose tasks are being read: the id there, and here, if the user came over.
    current: Option<(String, Option<UserId>)>,
    waiting: Vec<Adopted>,
}

impl<T: FnMut(&Remark)> Import<T> {
    /// Takes a user with one of its tasks, or none. The rows of one user follow each other.
    async fn take(&mut self, tables: &fastapi::Tables, row: &Texts) -> Result<()> {
        let id = fastapi::user_id(row).to_owned();
        if self.current.as_ref().is_none_or(|(current, _)| *current != id) {
            self.flush().await?;
            let person = tables.person(row, self.now);
            let here = self.take_person(person).await?;
            self.current = Some((id, here));
        }
        let owner = self.current.as_ref().and_then(|(_, here)| *here);
        match tables.task(row, self.now) {
            None => return Ok(()),
            Some(Ok(task)) if owner.is_some() => self.waiting.push(task),
            Some(Ok(_)) => self.report.tasks.refused += 1,
            Some(Err(remark)) => self.refuse(&remark),
        }
        if self.waiting.len() == BATCH { self.flush().await } else { Ok(()) }
    }

    async fn take_person(&mut self, Person { id, account }: Person) -> Result<Option<UserId>> {
        let account = match account {
            Ok(account) => account,
            Err(remark) => {
                self.refuse(&remark);
                return Ok(None);
            }
        };
        let Account { draft, standing, unfit } = account;
        let wanted = unfit.or_else(|| draft.username.as_ref().map(|name| name.as_str().to_owned()));
        let is_admin = draft.role == Role::Admin;
        let adopted = self.to.run(move |tx| match users::adopt(tx, &draft, &standing) {
            Err(Error::Conflict(Conflict::EmailTaken)) => Ok(None),
            adopted => adopted.map(Some),
        });
        let Some(user) = adopted.await? else {
            self.refuse(&Remark {
                noun: "user",
                id,
                column: "email".into(),
                is_refused: true,
                message: "another account has this address".into(),
            });
            return Ok(None);
        };
        if let Some(wanted) = wanted.filter(|wanted| *wanted != user.username) {
            (self.tell)(&Remark {
                noun: "user",
                id,
                column: "username".into(),
                is_refused: false,
                message: format!("{wanted:?} is taken or not allowed; it becomes {}", user.username),
            });
        }
        self.report.users.come += 1;
        self.report.admins += u64::from(is_admin);
        Ok(Some(user.id))
    }

    /// Stores the tasks that wait.
    async fn flush(&mut self) -> Result<()> {
        let tasks = std::mem::take(&mut self.waiting);
        if let Some((_, Some(owner))) = self.current
            && !tasks.is_empty()
        {
            self.report.tasks.come += tasks.len() as u64;
            self.to.run(move |tx| tasks::adopt(tx, owner, &tasks)).await?;
        }
        Ok(())
    }

    fn refuse(&mut self, remark: &Remark) {
        let tally = if remark.noun == "user" { &mut self.report.users } else { &mut self.report.tasks };
        tally.refused += 1;
        (self.tell)(remark);
    }
}

fn refused(noun: &'static str, id: &str, column: &str, flaw: &Flaw) -> Remark {
    Remark {
        noun,
        id: id.to_owned(),
        column: column.to_owned(),
        is_refused: true,
        message: flaw.1.to_string(),
    }
}
