//! What all commands share: their outcome, their runtime, and how they print.

use taskwell_core::error::Error;

/// What a command answers in the end: a sentence for the operator, where it failed.
pub type Outcome = Result<(), String>;

/// The runtime of a command, on its own thread.
pub fn runtime() -> Result<tokio::runtime::Runtime, String> {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    built.map_err(|e| format!("cannot start the async runtime: {e}"))
}

/// One line on standard output. A reader who has gone away is no failure.
pub fn print(line: &str) -> Outcome {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(format!("cannot write to standard output: {e}"))
        }
        _ => Ok(()),
    }
}

/// What a command says of an error; `Unavailable` is worded for requests.
pub fn sentence(error: &Error) -> String {
    match error {
        Error::Unavailable { .. } => {
            "the database stopped responding; check that it is running, then try again".to_owned()
        }
        other => other.to_string(),
    }
}
