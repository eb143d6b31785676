//! The secret that signs access tokens: from the settings, or made once and kept beside the database.

use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use taskwell_core::clock::{hex, random_bytes};
use taskwell_core::sessions::token::SECRET_BYTES_MIN;

/// It has no `Debug`, so that no log can show it.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl std::str::FromStr for Secret {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Secret, Self::Err> {
        Ok(Secret(text.as_bytes().to_vec()))
    }
}

/// Secrets that stand in examples.
const PLACEHOLDERS: [&str; 6] =
    ["changeme", "change-me", "change_me", "your-secret", "your_secret", "supersecret"];

impl Secret {
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// A line end at the end of the file does not count.
    pub fn read(file: &Path) -> Result<Secret, String> {
        let mut bytes = Vec::new();
        let opened = std::fs::File::open(file).map_err(|e| format!("cannot be read: {e}"))?;
        let limited = opened.take(64 * 1024).read_to_end(&mut bytes);
        limited.map_err(|e| format!("cannot be read: {e}"))?;
        while bytes.last().is_some_and(u8::is_ascii_whitespace) {
            bytes.pop();
        }
        Ok(Secret(bytes))
    }

    /// Long enough, and nothing that everybody knows.
    pub fn check(&self) -> Result<(), String> {
        let bytes = self.0.len();
        let advice = "take 32 random bytes, such as openssl rand -base64 32 prints";
        if bytes < SECRET_BYTES_MIN {
            return Err(format!("it has {bytes} bytes, at least {SECRET_BYTES_MIN} are needed; {advice}"));
        }
        let text = String::from_utf8_lossy(&self.0).to_lowercase();
        let one_byte = self.0.iter().all(|b| *b == self.0[0]);
        if one_byte || PLACEHOLDERS.iter().any(|known| text.contains(known)) {
            return Err(format!("it is an example's, which everybody knows; {advice}"));
        }
        Ok(())
    }

    /// The secret beside the database at `path`, made where there is none, for its owner's eyes alone.
    pub fn beside(database: &Path) -> Result<Secret, String> {
        let file = beside(database);
        let tell = |e: &dyn std::fmt::Display| format!("{}: {e}", file.display());
        loop {
            match std::fs::symlink_metadata(&file) {
                Ok(_) => {
                    let secret = Secret::read(&file).map_err(|e| tell(&e))?;
                    secret.check().map_err(|e| tell(&e))?;
                    return Ok(secret);
                }
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                Err(e) => return Err(tell(&e)),
            }
            match make(&file) {
                // Another process was faster: take its.
                Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
                made => made.map_err(|e| tell(&e))?,
            }
        }
    }
}

fn beside(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".jwt-secret");
    PathBuf::from(name)
}

/// Writes a new secret under a name of its own and links it into place, so that nobody ever reads half of one.
fn make(file: &Path) -> std::io::Result<()> {
    let bytes: [u8; 32] = random_bytes().map_err(std::io::Error::other)?;
    let text = hex(&bytes) + "\n";
    let mut draft = file.as_os_str().to_owned();
    draft.push(format!(".{}", std::process::id()));
    let draft = PathBuf::from(draft);
    let written = private(&draft).and_then(|mut open| {
        open.write_all(text.as_bytes())?;
        open.sync_all()?;
        std::fs::hard_link(&draft, file)
    });
    let _ = std::fs::remove_file(&draft);
    written
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
