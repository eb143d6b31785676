//! The secrets of access tokens, one per line. The first one signs. The others verify the tokens
//! that they signed earlier. The secrets come from the settings, or Taskwell generates one and
//! stores it beside the database.

use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use taskwell_core::clock::{hex, random_bytes};
use taskwell_core::sessions::token::SECRET_BYTES_MIN;

/// How many secrets a rotation keeps.
const SECRETS_MAX: usize = 3;

/// All secrets. The type does not implement `Debug`, so no log can show them.
#[derive(Clone)]
pub struct Secret(Vec<Vec<u8>>);

impl std::str::FromStr for Secret {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Secret, Self::Err> {
        Ok(Secret::parse(text.as_bytes()))
    }
}

/// Texts that occur in the secrets of examples.
const PLACEHOLDERS: [&str; 6] =
    ["changeme", "change-me", "change_me", "your-secret", "your_secret", "supersecret"];

impl Secret {
    /// The secret that signs, then the older ones.
    pub fn all(&self) -> Vec<&[u8]> {
        self.0.iter().map(Vec::as_slice).collect()
    }

    /// Describes the secrets for the log without revealing them.
    pub fn summary(&self) -> String {
        match self.0.len() {
            1 => "1 token secret".to_owned(),
            count => format!("{count} token secrets, of which the first one signs"),
        }
    }

    /// Parses one secret per line. Empty lines and white space around a secret do not count.
    fn parse(text: &[u8]) -> Secret {
        let lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        Secret(lines.filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect())
    }

    /// Generates a secret that is not stored.
    pub fn ephemeral() -> Result<Secret, String> {
        Ok(Secret(vec![new()?.into_bytes()]))
    }

    pub fn read(file: &Path) -> Result<Secret, String> {
        read(file).map(|text| Secret::parse(&text))
    }

    /// Adds a new secret to a file, before the existing ones, and removes the oldest ones beyond
    /// [`SECRETS_MAX`].
    pub fn rotate(file: &Path) -> Result<Secret, String> {
        let mut secrets = Secret::read(file)?.0;
        secrets.insert(0, new()?.into_bytes());
        secrets.truncate(SECRETS_MAX);
        let mut text = secrets.join(&b'\n');
        text.push(b'\n');
        let draft = draft_of(file);
        let written = write_draft(&draft, &text).and_then(|()| std::fs::rename(&draft, file));
        if written.is_err() {
            let _ = std::fs::remove_file(&draft);
        }
        written.map_err(|e| format!("cannot be written: {e}"))?;
        Ok(Secret(secrets))
    }

    /// Checks that each secret is long enough and not a well-known example.
    pub fn check(&self) -> Result<(), String> {
        if self.0.is_empty() {
            return check(b"");
        }
        self.0.iter().try_for_each(|secret| check(secret))
    }

    /// The path of the secret file of `database`.
    pub fn file(database: &Path) -> PathBuf {
        let mut name = database.as_os_str().to_owned();
        name.push(".jwt-secret");
        PathBuf::from(name)
    }

    /// Reads the secret file of `database`. If the file does not exist, generates a secret and
    /// creates the file, which only its owner can read.
    pub fn load_or_generate(database: &Path) -> Result<Secret, String> {
        let file = Secret::file(database);
        let describe = |e: &dyn std::fmt::Display| format!("{}: {e}", file.display());
        loop {
            match std::fs::symlink_metadata(&file) {
                Ok(_) => {
                    let secret = Secret::read(&file).map_err(|e| describe(&e))?;
                    secret.check().map_err(|e| describe(&e))?;
                    return Ok(secret);
                }
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                Err(e) => return Err(describe(&e)),
            }
            match create(&file) {
                // Another process has created the file: read it.
                Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
                created => created.map_err(|e| describe(&e))?,
            }
        }
    }
}

/// Reads a file of up to 64 KiB without the white space at its end.
pub fn read(file: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(file).map_err(|e| format!("cannot be read: {e}"))?;
    let limited = opened.take(64 * 1024).read_to_end(&mut bytes);
    limited.map_err(|e| format!("cannot be read: {e}"))?;
    while bytes.last().is_some_and(u8::is_ascii_whitespace) {
        bytes.pop();
    }
    Ok(bytes)
}

/// 32 random bytes in hexadecimal digits.
#[expect(clippy::disallowed_methods, reason = "a secret of the server is not in a store")]
fn new() -> Result<String, String> {
    let bytes: [u8; 32] = random_bytes().map_err(|e| e.to_string())?;
    Ok(hex(&bytes))
}

fn check(secret: &[u8]) -> Result<(), String> {
    let bytes = secret.len();
    let advice = "use 32 random bytes, for example from openssl rand -base64 32";
    if bytes < SECRET_BYTES_MIN {
        return Err(format!(
            "the secret has {bytes} bytes, but at least {SECRET_BYTES_MIN} are required; {advice}"
        ));
    }
    let text = String::from_utf8_lossy(secret).to_lowercase();
    let one_byte = secret.iter().all(|b| *b == secret[0]);
    if one_byte || PLACEHOLDERS.iter().any(|known| text.contains(known)) {
        return Err(format!("the secret is a well-known example; {advice}"));
    }
    Ok(())
}

/// Writes a new secret to a temporary file and links it to `file`, so that no process reads an
/// incomplete secret.
fn create(file: &Path) -> std::io::Result<()> {
    let text = new().map_err(std::io::Error::other)? + "\n";
    let draft = draft_of(file);
    let written =
        write_draft(&draft, text.as_bytes()).and_then(|()| std::fs::hard_link(&draft, file));
    let _ = std::fs::remove_file(&draft);
    written
}

fn draft_of(file: &Path) -> PathBuf {
    let mut draft = file.as_os_str().to_owned();
    draft.push(format!(".{}", std::process::id()));
    PathBuf::from(draft)
}

fn write_draft(draft: &Path, text: &[u8]) -> std::io::Result<()> {
    let mut open = private(draft)?;
    open.write_all(text)?;
    open.sync_all()
}

#[cfg(unix)]
fn private(path: &Path) -> std::io::Result<std::fs::File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn private(path: &Path) -> std::io::Result<std::fs::File> {
    std::fs::OpenOptions::new().write(true).create_new(true).open(path)
}
