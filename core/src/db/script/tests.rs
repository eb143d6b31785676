//! Scripts against a server that answers as PostgreSQL does.

use std::cell::Cell;

use super::*;

type UseCase<'u> = &'u dyn Fn(&mut Script) -> Result<u64>;

const NOW: Timestamp = Timestamp::from_micros(1_000_000);

#[expect(clippy::unnecessary_wraps, reason = "a server answers with a result")]
fn changed(rows: u64) -> Result<Answer, StatementError> {
    Ok(Answer { changed: rows, ..Answer::default() })
}

/// Reads through `require`.
fn read(script: &mut Script, sql: &str, params: &[&dyn Param]) -> Result<u64> {
    Ok(script.require(sql, params)?.map_err(StatementError::into_error)?.changed)
}

/// Reads through `speculate`.
fn guess(script: &mut Script, sql: &str, placeholder: u64) -> Result<u64> {
    match script.speculate(sql, &[])? {
        Some(answer) => Ok(answer.map_err(StatementError::into_error)?.changed),
        None => Ok(placeholder),
    }
}

/// Runs a use case to its end. `server` answers each statement. Returns the outcome and the
/// batches, of which the last one travels with the COMMIT.
fn drive<T>(
    script: &mut Script,
    server: impl Fn(&str) -> Result<Answer, StatementError>,
    run: impl Fn(&mut Script) -> Result<T>,
) -> (Result<T>, Vec<Vec<String>>) {
    let mut batches = Vec::new();
    loop {
        let ended = script.run_once(&run);
        let pending = script.pending(Server::Primary);
        let batch: Vec<_> = pending.into_iter().map(|statement| statement.sql).collect();
        if let Run::Done(outcome) = ended {
            batches.push(batch);
            return (outcome, batches);
        }
        script.answer(Server::Primary, batch.iter().map(|sql| server(sql)).collect());
        batches.push(batch);
    }
}

fn ok(_: &str) -> Result<Answer, StatementError> {
    changed(1)
}

/// Answers like PostgreSQL: after a failed statement, it refuses the rest.
fn fails_at(failing: &str) -> impl Fn(&str) -> Result<Answer, StatementError> {
    let has_failed = Cell::new(false);
    move |sql| {
        if has_failed.get() {
            return Err(StatementError::Aborted);
        }
        has_failed.set(sql == failing);
        if has_failed.get() { Err(StatementError::Unique("t.c".into())) } else { changed(1) }
    }
}

#[test]
fn a_required_answer_ends_the_round_and_a_sent_statement_does_not() {
    let mut script = Script::new(NOW);
    let (outcome, batches) = drive(&mut script, ok, |script| {
        script.send("UPDATE a", &[])?;
        script.send("UPDATE b", &[])?;
        let found = read(script, "SELECT c", &[])?;
        script.send("UPDATE d", &[])?;
        Ok(found)
    });
    assert_eq!(outcome, Ok(1));
    assert_eq!(batches, [vec!["UPDATE a", "UPDATE b", "SELECT c"], vec!["UPDATE d"]]);
    assert!(script.writes());
}

#[test]
fn each_run_starts_over_and_runs_once_more_than_it_requires_answers() {
    let runs = Cell::new(0);
    let (outcome, batches) = drive(&mut Script::new(NOW), ok, |script| {
        runs.set(runs.get() + 1);
        for n in 0..5_i64 {
            read(script, "SELECT n", &[&n])?;
        }
        Ok(())
    });
    assert_eq!((outcome, batches.len(), runs.get()), (Ok(()), 6, 6));
}

#[test]
fn reads_after_a_right_placeholder_need_no_round_of_their_own() {
    let (outcome, batches) = drive(&mut Script::new(NOW), ok, |script| {
        let a = guess(script, "SELECT a", 1)?;
        let b = if a == 1 { guess(script, "SELECT b", 0)? } else { 0 };
        script.send("UPDATE c", &[])?;
        Ok(a + b)
    });
    assert_eq!(outcome, Ok(2));
    assert_eq!(batches, [vec!["SELECT a", "SELECT b"], vec!["UPDATE c"]]);
}

#[test]
fn reads_after_a_wrong_placeholder_are_discarded() {
    let mut script = Script::new(NOW);
    let (outcome, batches) = drive(&mut script, ok, |script| {
        let a = guess(script, "SELECT a", 7)?;
        read(script, if a == 7 { "SELECT wrong" } else { "SELECT right" }, &[])?;
        script.send("UPDATE b", &[])?;
        Ok(a)
    });
    assert_eq!(outcome, Ok(1));
    let rounds = [vec!["SELECT a", "SELECT wrong"], vec!["SELECT right"], vec!["UPDATE b"]];
    assert_eq!(batches, rounds);
    let sent: Vec<_> = script.sent().into_iter().map(|(sql, _)| sql).collect();
    assert_eq!(sent, ["SELECT a", "SELECT right", "UPDATE b"]);
}

#[test]
fn nothing_is_written_and_nothing_counts_before_the_placeholder_is_replaced() {
    let certain = Cell::new(None);
    let (outcome, batches) = drive(&mut Script::new(NOW), ok, |script| {
        if guess(script, "SELECT a", 0)? == 0 {
            // Only a run with the placeholder gets here.
            assert!(!script.is_certain());
            script.send("DELETE FROM everything", &[])?;
            unreachable!("a write went on");
        }
        certain.set(Some(script.is_certain()));
        script.notify(UserId(5));
        Ok("found")
    });
    assert_eq!((outcome, certain.get()), (Ok("found"), Some(true)));
    assert_eq!(batches, [vec!["SELECT a"], vec![]]);
}

#[test]
fn an_error_from_a_placeholder_does_not_count() {
    let (outcome, _) =
        drive(&mut Script::new(NOW), ok, |script| match guess(script, "SELECT a", 0)? {
            0 => Err(Error::Internal("no such account".into())),
            found => Ok(found),
        });
    assert_eq!(outcome, Ok(1));
}

#[test]
fn a_panic_of_a_run_leaves_the_script_usable() {
    let mut script = Script::new(NOW);
    let failing = |script: &mut Script| -> Result<()> {
        script.send("UPDATE a", &[])?;
        Err(Error::Internal("a use case panicked".into()))
    };
    assert!(matches!(script.run_once(failing), Run::Done(Err(_))));
}

#[test]
fn each_run_gets_the_same_time_and_randomness() {
    let seen = Cell::new(None);
    let (outcome, batches) = drive(&mut Script::new(NOW), ok, |script| {
        let draws = (script.now(), script.random_id()?, script.random_secret()?);
        read(script, "SELECT a", &[])?;
        let draws = (draws, script.random_id()?, script.random_secret()?);
        let before = seen.replace(Some(draws));
        assert!(before.is_none_or(|before| before == draws));
        assert_ne!(draws.0.1, draws.1);
        assert_ne!(draws.0.2, draws.2);
        read(script, "SELECT b", &[])?;
        Ok(())
    });
    assert_eq!((outcome, batches.len()), (Ok(()), 3));
}

#[test]
fn a_placeholder_that_draws_other_randomness_changes_nothing() {
    let (outcome, _) = drive(&mut Script::new(NOW), ok, |script| {
        if guess(script, "SELECT a", 0)? == 0 {
            return script.random_id().map(|_| ());
        }
        script.random_secret().map(|_| ())
    });
    assert_eq!(outcome, Ok(()));
}

#[test]
fn a_use_case_that_writes_other_statements_when_it_runs_again_fails() {
    for (text, param) in [(true, false), (false, true)] {
        let runs = Cell::new(0_i64);
        let (outcome, _) = drive(&mut Script::new(NOW), ok, |script| {
            runs.set(runs.get() + 1);
            let sql = if text && runs.get() > 1 { "UPDATE b" } else { "UPDATE a" };
            script.send(sql, &[&(if param { runs.get() } else { 0 })])?;
            read(script, "SELECT c", &[])
        });
        let Err(Error::Internal(cause)) = outcome else { panic!("{outcome:?}") };
        assert!(cause.contains("wrote otherwise"), "{cause}");
    }
}

#[test]
fn the_first_error_is_the_error_of_all_statements_after_it() {
    let mut script = Script::new(NOW);
    let (outcome, _) = drive(&mut script, fails_at("UPDATE b"), |script| {
        script.send("UPDATE a", &[])?;
        script.send("UPDATE b", &[])?;
        read(script, "SELECT c", &[])
    });
    let unique = StatementError::Unique("t.c".into());
    assert_eq!(outcome, Err(unique.clone().into_error()));
    assert_eq!(script.error(), Some(&unique));
}

#[test]
fn the_error_of_an_earlier_round_is_the_error_of_later_statements() {
    let mut script = Script::new(NOW);
    let (outcome, batches) = drive(&mut script, fails_at("UPDATE a"), |script| {
        // The use case ignores the error, but must not commit.
        let failed = script.require("UPDATE a", &[])?.is_err();
        assert!(failed);
        read(script, "SELECT b", &[])
    });
    let unique = StatementError::Unique("t.c".into());
    assert_eq!((outcome, batches.len()), (Err(unique.clone().into_error()), 3));
    assert_eq!(script.error(), Some(&unique));
}

#[test]
fn an_error_that_another_try_may_avoid_comes_first() {
    let mut script = Script::new(NOW);
    let _ = script.run_once(|script| {
        script.send("UPDATE a", &[])?;
        read(script, "SELECT b", &[])
    });
    let answers = vec![Err(StatementError::Other("x".into())), Err(StatementError::Again)];
    script.answer(Server::Primary, answers);
    assert_eq!(script.error(), Some(&StatementError::Again));
}

#[test]
fn the_error_of_a_discarded_read_still_fails_the_transaction() {
    // PostgreSQL has aborted the transaction, whatever the use case does.
    let mut script = Script::new(NOW);
    let (outcome, _) = drive(&mut script, fails_at("SELECT wrong"), |script| {
        if guess(script, "SELECT a", 7)? == 7 {
            guess(script, "SELECT wrong", 0)?;
        }
        Ok(())
    });
    assert_eq!(outcome, Ok(()));
    assert_eq!(script.error(), Some(&StatementError::Unique("t.c".into())));
}

#[test]
fn each_server_gets_its_own_statements() {
    let mut script = Script::new(NOW);
    script.set_replica(true);
    let run = |script: &mut Script| {
        let here = guess(script, "SELECT here", 0)?;
        script.switch_to(Server::Replica);
        let there = guess(script, "SELECT there", 0)?;
        script.switch_to(Server::Primary);
        Ok(here + there + guess(script, "SELECT more", 0)?)
    };
    assert!(matches!(script.run_once(run), Run::Waiting));
    let texts = |pending: Vec<Statement>| -> Vec<String> {
        pending.into_iter().map(|statement| statement.sql).collect()
    };
    assert_eq!(texts(script.pending(Server::Primary)), ["SELECT here", "SELECT more"]);
    assert_eq!(texts(script.pending(Server::Replica)), ["SELECT there"]);
    script.answer(Server::Primary, vec![changed(1), changed(2)]);
    script.answer(Server::Replica, vec![changed(4)]);
    assert!(matches!(script.run_once(run), Run::Done(Ok(7))));
}

#[test]
fn without_its_replica_a_script_asks_the_primary_again() {
    let mut script = Script::new(NOW);
    script.set_replica(true);
    let run = |script: &mut Script| {
        let here = read(script, "SELECT here", &[])?;
        if script.has_replica() {
            script.switch_to(Server::Replica);
        }
        Ok(here + read(script, "SELECT tasks", &[])?)
    };
    assert!(matches!(script.run_once(run), Run::Waiting));
    script.answer(Server::Primary, vec![changed(1)]);
    assert!(matches!(script.run_once(run), Run::Waiting));
    assert_eq!(script.pending(Server::Replica).len(), 1);
    script.set_replica(false);
    // Earlier answers of the primary stay valid.
    assert!(matches!(script.run_once(run), Run::Waiting));
    assert_eq!(script.pending(Server::Replica).len(), 0);
    assert_eq!(script.pending(Server::Primary).len(), 1);
    script.answer(Server::Primary, vec![changed(2)]);
    assert!(matches!(script.run_once(run), Run::Done(Ok(3))));
}

#[test]
fn a_replay_finds_use_cases_that_depend_on_their_batches() {
    let check = |run: UseCase| {
        let mut script = Script::new(NOW);
        let (outcome, _) = drive(&mut script, ok, run);
        script.check_replay(run, &outcome)
    };
    let good = |script: &mut Script| {
        script.send("UPDATE a", &[])?;
        let wrong = guess(script, "SELECT b", 7)? == 7;
        guess(script, if wrong { "SELECT wrong" } else { "SELECT c" }, 0)?;
        let [random, ..] = script.random_secret()?;
        script.send("UPDATE d", &[&i64::from(random)])?;
        Ok(read(script, "SELECT e", &[])? + read(script, "SELECT f", &[])?)
    };
    assert_eq!(check(&good), Ok(()));

    let runs = Cell::new(0_i64);
    let count = || runs.replace(runs.get() + 1);
    // Each of these depends on the number of runs, and so on the batches.
    let parameter = |script: &mut Script| {
        let n = count();
        script.send("UPDATE a", &[])?;
        read(script, "SELECT b", &[])?;
        script.send("UPDATE c", &[&n]).map(|()| 0)
    };
    let text = |script: &mut Script| {
        let n = count();
        read(script, "SELECT a", &[])?;
        read(script, if n < 3 { "SELECT b" } else { "SELECT c" }, &[])
    };
    let length = |script: &mut Script| {
        let n = count();
        read(script, "SELECT a", &[])?;
        if n > 2 { read(script, "SELECT b", &[]) } else { Ok(0) }
    };
    let outcome = |script: &mut Script| {
        let n = count();
        read(script, "SELECT a", &[])?;
        if n > 2 { Err(Error::StorageFull) } else { Ok(0) }
    };
    let notified = |script: &mut Script| {
        let n = count();
        read(script, "SELECT a", &[])?;
        script.notify(UserId(n));
        Ok(0)
    };
    let placeholder = |script: &mut Script| {
        let n = count();
        let found = guess(script, "SELECT a", 3)?;
        read(script, "SELECT b", &[&i64::try_from(found).unwrap_or(0), &(n / 3)])
    };
    let bad: [UseCase; 6] = [&parameter, &text, &length, &outcome, &notified, &placeholder];
    for (at, run) in bad.into_iter().enumerate() {
        runs.set(0);
        let checked = check(run);
        assert!(matches!(checked, Err(Error::Internal(_))), "{at}: {checked:?}");
    }
}
