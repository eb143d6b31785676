//! Messages about invalid settings.

/// Says that `value` is invalid for the setting `name`, and what is `allowed`.
pub fn invalid(name: &str, value: &str, allowed: &str) -> String {
    format!("invalid value '{value}' for {name}: {allowed}")
}

/// As [`invalid`], but shows only the scheme of the URL, which may contain a password.
pub fn invalid_url(name: &str, url: &str, allowed: &str) -> String {
    let scheme = url.split("://").next().filter(|scheme| scheme.len() < url.len()).unwrap_or("");
    invalid(name, &format!("{scheme}://…"), allowed)
}
