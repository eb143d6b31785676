//! Reads a task of another back end: its owner, its contents and its state.

use super::fields::Field;
use super::values::{Note, Reading, Values, flag, member};
use crate::error::{Code, Result, Violation};
use crate::tasks::{
    Description, Imported, NewTask, Patch, Priority, StateChange, Status, Title, Update,
};
use crate::time::Timestamp;

/// Reads a task. `now` replaces times that the other back end does not have.
pub fn read(values: &Values, now: Timestamp) -> Reading<Imported> {
    if let Some(note) = values.deleted() {
        return Reading::LeftOut(note);
    }
    let mut notes = Vec::new();
    match task(values, now, &mut notes) {
        Ok(task) => Reading::Comes(task, notes),
        Err(note) => Reading::Refused(note),
    }
}

/// Returns the owner's id in the other back end, with its column.
///
/// # Errors
/// No column has an id, or two columns disagree, so that the task could go to the wrong account.
pub fn owner<'r>(values: &Values<'r>) -> Result<(&'r str, &'r str), Note> {
    let first = values.needed(Field::Owner)?;
    for (column, other) in values.all(Field::Owner) {
        if let Some(other) = other.filter(|other| *other != first.1) {
            let (of_first, id) = first;
            return Err(Note::new(column, format!("is {other}, but {of_first} is {id}")));
        }
    }
    Ok(first)
}

fn task(values: &Values, now: Timestamp, notes: &mut Vec<Note>) -> Result<Imported, Note> {
    let (column, title) = values.needed(Field::Title)?;
    let title = Title::parse(title).map_err(|flaw| Note::flaw(column, &flaw))?;
    let (created_at, updated_at) = values.times(now)?;
    let others = Update {
        description: values.read(Field::Description, Description::parse)?.into(),
        priority: values.read(Field::Priority, |word| {
            Priority::parse(&member(word)).map_err(|flaw| with_way_out(&flaw, "priority=ignore"))
        })?,
        due_date: values.time(Field::DueDate)?.into(),
        state: state(values, notes)?,
        ..Update::default()
    };
    Ok(Imported { task: NewTask::new(title, others), created_at, updated_at })
}

/// Reads the state of the task. The status takes precedence over the boolean, and that over the
/// time.
fn state(values: &Values, notes: &mut Vec<Note>) -> Result<StateChange, Note> {
    let status = values.read(Field::Status, |word| {
        let flaw =
            Violation::new(Code::UnknownWord, "must be one of pending, in_progress, completed");
        Status::parse_spoken(&member(word)).ok_or_else(|| {
            with_way_out(&flaw, "status=completed if it only says whether the task is done")
        })
    })?;
    let completed = values.read(Field::Completed, |word| {
        let flaw = Violation::new(Code::Type, "is neither true nor false");
        flag(word).ok_or_else(|| with_way_out(&flaw, "completed=completed_at if it says when"))
    })?;
    let completed_at = values.time(Field::CompletedAt)?;
    let is_completed = match (status, completed) {
        (Some(status), _) => status == Status::Completed,
        (None, Some(completed)) => completed,
        (None, None) => completed_at.is_some(),
    };
    let becomes = if is_completed { "completed" } else { "not completed" };
    if let (Some(status), Some(completed)) = (status, completed)
        && completed != is_completed
    {
        let column = values.find(Field::Completed).map_or("", |(column, _)| column);
        let said = status.as_str();
        notes.push(Note::new(
            column,
            format!("is {completed}, but the status is {said}; the task is {becomes}"),
        ));
    }
    if let Some((column, _)) = values.find(Field::CompletedAt).filter(|_| !is_completed) {
        notes.push(Note::new(column, format!("is dropped, because the task is {becomes}")));
    }
    Ok(StateChange {
        status,
        completed,
        completed_at: completed_at.map_or(Patch::Keep, Patch::Set),
    })
}

fn with_way_out(Violation(code, message): &Violation, map: &str) -> Violation {
    Violation::new(*code, format!("{message} (or --map {map})"))
}
