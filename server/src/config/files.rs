//! Secrets from files: `DATABASE_URL_FILE` names the file that contains `DATABASE_URL`.

use std::path::Path;

use clap::{Arg, Command};

use crate::secret;

/// The environment variable of a setting.
fn variable(arg: &Arg) -> Option<&str> {
    arg.get_env()?.to_str()
}

/// The settings that a file can contain: those that may contain a password. The file of
/// `JWT_SECRET` is a setting of its own, because Taskwell reads that file again later.
fn secrets(command: &Command) -> impl Iterator<Item = &str> {
    let hidden = command.get_arguments().filter(|arg| arg.is_hide_env_values_set());
    hidden.filter_map(variable).filter(|name| *name != "JWT_SECRET")
}

/// The environment variable that names the file of a setting.
fn file_of(name: &str) -> String {
    format!("{name}_FILE")
}

/// Makes the contents of the files the defaults of their settings, so that flags override them.
///
/// # Errors
/// A file cannot be read, or the environment sets both a setting and its file.
pub fn with_files(mut command: Command) -> Result<Command, String> {
    for name in secrets(&command).map(str::to_owned).collect::<Vec<_>>() {
        let variable = file_of(&name);
        let Some(file) = std::env::var_os(&variable).filter(|file| !file.is_empty()) else {
            continue;
        };
        if std::env::var_os(&name).is_some() {
            return Err(format!("{name} and {variable} are both set; remove one of them"));
        }
        let file = Path::new(&file);
        let describe = |e: &str| format!("{variable}: the file {} {e}", file.display());
        let bytes = secret::read(file).map_err(|e| describe(&e))?;
        let text = String::from_utf8(bytes).map_err(|_| describe("is not UTF-8"))?;
        if text.is_empty() {
            return Err(describe("is empty"));
        }
        let id = name.to_ascii_lowercase();
        command = command.mut_arg(id, |arg| arg.default_value(text).hide_default_value(true));
    }
    Ok(command)
}

/// Prefixes of settings that hardly any other program uses.
const PREFIXES: [&str; 10] = [
    "TASKWELL_",
    "JWT_",
    "BCRYPT_",
    "DATABASE_",
    "SMTP_",
    "TRUSTED_PROX",
    "CORS_",
    "REDIS_",
    "ACCESS_TOKEN_",
    "REFRESH_TOKEN_",
];
/// Shorter names resemble too many others.
const NAME_CHARS_MIN: usize = 6;

/// Finds environment variables that look like a misspelled setting. Each comes with the setting
/// that it resembles most.
pub fn unknown(command: &Command) -> Vec<(String, String)> {
    let mut known: Vec<String> =
        command.get_arguments().filter_map(variable).map(str::to_owned).collect();
    known.extend(secrets(command).map(file_of));
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    names.filter_map(|name| suggestion(&known, &name).map(|known| (name, known))).collect()
}

fn suggestion(known: &[String], name: &str) -> Option<String> {
    if known.iter().any(|known| known == name) {
        return None;
    }
    let upper = name.to_ascii_uppercase();
    let (distance, nearest) =
        known.iter().map(|known| (strsim::damerau_levenshtein(known, &upper), known)).min()?;
    let is_near = distance <= 2 && name.len() >= NAME_CHARS_MIN;
    let has_prefix = PREFIXES.iter().any(|prefix| upper.starts_with(prefix));
    // SHUTDOWN_TIMEOUT resembles SHUTDOWN_TIMEOUT_SECONDS, and MAIL_FROM_FILE resembles MAIL_FROM.
    let without_file = upper.strip_suffix("_FILE").unwrap_or(&upper);
    let longer = known.iter().find(|known| known.starts_with(&upper) || *known == without_file);
    let longer = longer.filter(|_| name.len() >= NAME_CHARS_MIN);
    longer.or((is_near || has_prefix).then_some(nearest)).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelled_setting_is_found() {
        let known = ["DATABASE_URL", "CORS_ORIGINS", "HOST", "PORT", "MAIL", "JWT_SECRET"]
            .map(str::to_owned);
        for (name, nearest) in [
            ("DATABASE_URI", Some("DATABASE_URL")),
            ("CORS_ORIGIN", Some("CORS_ORIGINS")),
            ("cors_origins", Some("CORS_ORIGINS")),
            ("TASKWELL_PORT", Some("PORT")),
            ("JWT_SECERT", Some("JWT_SECRET")),
            ("DATABASE", Some("DATABASE_URL")),
            ("CORS_ORIGINS_FILE", Some("CORS_ORIGINS")),
            ("DATABASE_URL", None),
            ("PATH", None),
            ("POST", None),
            ("HOSTNAME", None),
            ("LS_COLORS", None),
        ] {
            let found = suggestion(&known, name);
            assert_eq!(found.is_some(), nearest.is_some(), "{name}");
            if name != "TASKWELL_PORT" {
                assert_eq!(found.as_deref(), nearest, "{name}");
            }
        }
    }
}
