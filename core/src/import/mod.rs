//! Imports accounts and tasks from another back end, all in one transaction. `fields` defines the
//! fields and their column names, `tables` finds them, and `user` and `task` read a row.

mod fields;
mod overrides;
mod remark;
mod tables;
mod task;
mod user;
mod values;

pub use overrides::Override;
pub use remark::{Remark, Report, Tally, Verdict};

use std::collections::HashMap;

use uuid::Uuid;

use self::fields::Noun;
use self::tables::Tables;
use self::user::Account;
use self::values::{Note, Reading, Values};
use crate::db::{Db, LongTransaction, SourceDb, TextRow};
use crate::error::{Conflict, Error, Result};
use crate::ids::UserId;
use crate::tasks::{self, Imported};
use crate::time::Timestamp;
use crate::users::{self, Role};

/// Number of tasks per batch.
const BATCH: usize = 200;

/// The key of a row in the other database. Programs spell a UUID in several ways, and a number
/// takes less memory than its digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum SourceKey {
    Int(i64),
    Uuid(Uuid),
    Text(Box<str>),
}

impl SourceKey {
    fn of(text: &str) -> SourceKey {
        if let Some(number) = text.parse().ok().filter(|number: &i64| number.to_string() == text) {
            return SourceKey::Int(number);
        }
        match Uuid::try_parse(text.strip_prefix("\\x").unwrap_or(text)) {
            Ok(uuid) => SourceKey::Uuid(uuid),
            Err(_) => SourceKey::Text(text.into()),
        }
    }
}

/// The outcome for a user of the other database.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Here(UserId),
    LeftOut,
    Refused,
}

/// Imports what Taskwell's rules allow from another database. Without `apply`, does the same and
/// rolls back in the end.
///
/// # Errors
/// The tables do not exist or lack a column, or an override names a column that does not exist.
/// After any error, nothing is written.
pub async fn run(
    from: &SourceDb,
    to: &Db,
    overrides: &[Override],
    now: Timestamp,
    apply: bool,
    tell: impl FnMut(&Remark),
) -> Result<Report> {
    let tables = Tables::find(from, overrides).await?;
    let mut import = Import {
        to: to.begin().await?,
        tell,
        report: Report::default(),
        now,
        users: HashMap::new(),
        waiting: None,
    };
    tables.remarks().iter().for_each(&mut import.tell);
    from.each(&tables.users.rows(from), async |rows| {
        for row in rows {
            import.take_user(&Values::new(&tables.users, &row)).await?;
        }
        Ok(())
    })
    .await?;
    from.each(&tables.tasks.rows(from), async |rows: Vec<TextRow>| {
        for row in rows {
            import.take_task(&Values::new(&tables.tasks, &row)).await?;
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
    to: LongTransaction,
    tell: T,
    report: Report,
    /// Replaces times that the other database does not have.
    now: Timestamp,
    /// Every user that was read, at some 50 bytes each.
    users: HashMap<SourceKey, Fate>,
    /// Tasks of one owner that are not stored yet.
    waiting: Option<(UserId, Vec<Imported>)>,
}

impl<T: FnMut(&Remark)> Import<T> {
    async fn take_user(&mut self, values: &Values<'_>) -> Result<()> {
        let (id_column, id) = match values.needed(fields::Field::Id) {
            Ok(found) => found,
            Err(note) => {
                self.judge(Noun::User, "", Verdict::Refused, note);
                return Ok(());
            }
        };
        let key = SourceKey::of(id);
        if self.users.contains_key(&key) {
            self.judge(
                Noun::User,
                id,
                Verdict::Refused,
                Note::new(id_column, "another user already has this id"),
            );
            return Ok(());
        }
        let fate = match user::read(values, self.now) {
            Reading::Comes(account, notes) => self.store_user(id, account, notes).await?,
            Reading::LeftOut(note) => {
                self.judge(Noun::User, id, Verdict::LeftOut, note);
                Fate::LeftOut
            }
            Reading::Refused(note) => {
                self.judge(Noun::User, id, Verdict::Refused, note);
                Fate::Refused
            }
        };
        self.users.insert(key, fate);
        Ok(())
    }

    async fn store_user(&mut self, id: &str, account: Account, notes: Vec<Note>) -> Result<Fate> {
        let Account { draft, standing, username } = account;
        let is_admin = draft.role == Role::Admin;
        let needs_reset = draft.password.is_unusable();
        let imported = self.to.run(move |tx| match users::import(tx, &draft, &standing) {
            Err(Error::Conflict(Conflict::EmailTaken)) => Ok(None),
            imported => imported.map(Some),
        });
        let Some(user) = imported.await? else {
            let note = Note::new("email", "another account already has this address");
            self.judge(Noun::User, id, Verdict::Refused, note);
            return Ok(Fate::Refused);
        };
        for note in notes {
            self.judge(Noun::User, id, Verdict::Changed, note);
        }
        if let Some(Note { column, message: wanted }) = username
            && wanted != user.username
        {
            let message = format!(
                "{wanted:?} is taken or not allowed; the username becomes {}",
                user.username
            );
            self.judge(Noun::User, id, Verdict::Changed, Note { column, message });
        }
        self.report.users.come += 1;
        self.report.admins += u64::from(is_admin);
        self.report.deactivated += u64::from(!user.is_active);
        self.report.without_password += u64::from(needs_reset);
        Ok(Fate::Here(user.id))
    }

    /// Takes a task. Tasks of one owner must follow each other.
    async fn take_task(&mut self, values: &Values<'_>) -> Result<()> {
        let id = values.find(fields::Field::Id).map_or("", |(_, id)| id);
        let (owner, task, notes) = match self.read_task(values) {
            Ok(read) => read,
            Err((verdict, note)) => {
                self.judge(Noun::Task, id, verdict, note);
                return Ok(());
            }
        };
        for note in notes {
            self.judge(Noun::Task, id, Verdict::Changed, note);
        }
        if self
            .waiting
            .as_ref()
            .is_some_and(|(other, tasks)| *other != owner || tasks.len() == BATCH)
        {
            self.flush().await?;
        }
        self.waiting.get_or_insert_with(|| (owner, Vec::new())).1.push(task);
        Ok(())
    }

    fn read_task(
        &self,
        values: &Values<'_>,
    ) -> Result<(UserId, Imported, Vec<Note>), (Verdict, Note)> {
        let (task, notes) = match task::read(values, self.now) {
            Reading::Comes(task, notes) => (task, notes),
            Reading::LeftOut(note) => return Err((Verdict::LeftOut, note)),
            Reading::Refused(note) => return Err((Verdict::Refused, note)),
        };
        let (column, owner) = task::owner(values).map_err(|note| (Verdict::Refused, note))?;
        let not_here = |verdict, message: &str| Err((verdict, Note::new(column, message)));
        match self.users.get(&SourceKey::of(owner)) {
            Some(Fate::Here(owner)) => Ok((*owner, task, notes)),
            Some(Fate::LeftOut) => not_here(Verdict::LeftOut, "its user counts as deleted there"),
            Some(Fate::Refused) => not_here(Verdict::Refused, "the user of this task is refused"),
            None => not_here(Verdict::Refused, "this user does not exist"),
        }
    }

    /// Stores the waiting tasks.
    async fn flush(&mut self) -> Result<()> {
        if let Some((owner, tasks)) = self.waiting.take() {
            self.report.tasks.come += tasks.len() as u64;
            self.to.run(move |tx| tasks::import(tx, owner, &tasks)).await?;
        }
        Ok(())
    }

    /// Counts and reports the outcome for a row.
    fn judge(&mut self, noun: Noun, id: &str, verdict: Verdict, Note { column, message }: Note) {
        let tally = match noun {
            Noun::User => &mut self.report.users,
            Noun::Task => &mut self.report.tasks,
        };
        match verdict {
            Verdict::Changed => {}
            Verdict::LeftOut => tally.left_out += 1,
            Verdict::Refused => tally.refused += 1,
        }
        (self.tell)(&Remark::Row {
            noun: noun.word(),
            id: id.to_owned(),
            column,
            verdict,
            message,
        });
    }
}
