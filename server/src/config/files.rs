//! Settings out of files, as secrets are handed to containers: `DATABASE_URL_FILE` names the file
//! that holds `DATABASE_URL`.

use std::path::Path;

use clap::Command;

use crate::secret;

/// The settings that may hold a password. The file of `JWT_SECRET` is a setting of its own, as it
/// is read again later.
const IN_FILES: [&str; 5] =
    ["DATABASE_URL", "DATABASE_DIRECT_URL", "DATABASE_REPLICA_URL", "SMTP_URL", "REDIS_URL"];

/// The environment variable that names the file of a setting.
fn file_of(name: &str) -> String {
    format!("{name}_FILE")
}

/// The command line, with what the files hold as the defaults of their settings, which flags
/// overrule.
///
/// # Errors
/// A file cannot be read, or the setting itself is in the environment too.
pub fn with_files(mut command: Command) -> Result<Command, String> {
    for name in IN_FILES {
        let variable = file_of(name);
        let Some(file) = std::env::var_os(&variable).filter(|file| !file.is_empty()) else {
            continue;
        };
        if std::env::var_os(name).is_some() {
            return Err(format!("{name} and {variable} are both set; remove one of them"));
        }
        let file = Path::new(&file);
        let tell = |e: &str| format!("{variable}: the file {} {e}", file.display());
        let bytes = secret::read(file).map_err(|e| tell(&e))?;
        let text = String::from_utf8(bytes).map_err(|_| tell("is not UTF-8"))?;
        if text.is_empty() {
            return Err(tell("is empty"));
        }
        let id = name.to_ascii_lowercase();
        command = command.mut_arg(id, |arg| arg.default_value(text).hide_default_value(true));
    }
    Ok(command)
}

/// What stands before the names of settings, and before hardly any other program's.
const OURS: [&str; 10] = [
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
/// Shorter names are like too many.
const NAME_CHARS_MIN: usize = 6;

/// Variables of the environment that look like settings and are none, each with the setting that
/// may be meant.
pub fn unknown(command: &Command) -> Vec<(String, String)> {
    let of_flags = command.get_arguments().filter_map(|arg| arg.get_env()?.to_str());
    let mut known: Vec<String> = of_flags.map(str::to_owned).collect();
    known.extend(IN_FILES.map(file_of));
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    names.filter_map(|name| meant(&known, &name).map(|meant| (name, meant))).collect()
}

fn meant(known: &[String], name: &str) -> Option<String> {
    if known.iter().any(|known| known == name) {
        return None;
    }
    let upper = name.to_ascii_uppercase();
    let (distance, nearest) =
        known.iter().map(|known| (strsim::damerau_levenshtein(known, &upper), known)).min()?;
    let is_near = distance <= 2 && name.len() >= NAME_CHARS_MIN;
    let is_ours = OURS.iter().any(|prefix| upper.starts_with(prefix));
    // As SHUTDOWN_TIMEOUT for SHUTDOWN_TIMEOUT_SECONDS, and MAIL_FROM_FILE for MAIL_FROM.
    let of_file = upper.strip_suffix("_FILE").unwrap_or(&upper);
    let longer = known.iter().find(|known| known.starts_with(&upper) || *known == of_file);
    let longer = longer.filter(|_| name.len() >= NAME_CHARS_MIN);
    longer.or((is_near || is_ours).then_some(nearest)).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_setting_and_is_none_is_found() {
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
            let found = meant(&known, name);
            assert_eq!(found.is_some(), nearest.is_some(), "{name}");
            if name != "TASKWELL_PORT" {
                assert_eq!(found.as_deref(), nearest, "{name}");
            }
        }
    }
}
