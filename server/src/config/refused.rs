//! How a wrong setting is refused.

use clap::error::ErrorKind;

/// What kind of mistake it is, and the sentence about it.
pub type Refused = (ErrorKind, String);

pub fn refused(name: &str, value: &str, allowed: &str) -> Refused {
    let message = format!("invalid value '{value}' for {name}: {allowed}");
    (ErrorKind::ValueValidation, message)
}

/// As [`refused`]. The value may hold a password, so only its scheme is told.
pub fn refused_url(name: &str, url: &str, allowed: &str) -> Refused {
    let scheme = url.split("://").next().filter(|scheme| scheme.len() < url.len()).unwrap_or("");
    refused(name, &format!("{scheme}://…"), allowed)
}
