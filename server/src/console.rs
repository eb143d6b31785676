//! What all commands share: their outcome, their runtime and their output.

use taskwell_core::error::Error;

/// The result of a command. The error is a sentence for the operator.
pub type Outcome = Result<(), String>;

/// An async runtime on the current thread.
pub fn runtime() -> Result<tokio::runtime::Runtime, String> {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    built.map_err(|e| format!("cannot start the async runtime: {e}"))
}

/// Prints a line to standard output. A closed pipe is not an error.
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

/// Describes an error for the operator. The text of `Unavailable` itself is for HTTP clients.
pub fn sentence(error: &Error) -> String {
    match error {
        Error::Unavailable { .. } => {
            "the database stopped responding; check that it is running, then try again".to_owned()
        }
        other => other.to_string(),
    }
}
