//! Settings of mail.

use clap::{Args, ValueEnum};

use super::invalid::{invalid, invalid_url};
use crate::mailer::{self, Mailer};

#[derive(Args)]
pub struct MailFlags {
    /// The mail server: `smtp://USER:PASSWORD@HOST:587?tls=required` (STARTTLS) or `smtps://…`
    /// (TLS). Without it, Taskwell sends no mail.
    #[arg(long, env, hide_env_values = true)]
    smtp_url: Option<String>,

    /// Sender address of mail.
    #[arg(long, env, default_value = "Taskwell <taskwell@localhost>")]
    mail_from: String,

    /// How to send mail: `smtp`, or `log`, which prints mail to the log. Use `log` only for
    /// development.
    #[arg(long, env, value_parser = transport, default_value = "smtp")]
    mail: Transport,
}

#[derive(Clone, Copy, ValueEnum)]
enum Transport {
    Smtp,
    Log,
}

/// Parses `MAIL`. Login shells set a variable of this name to the path of the user's mailbox, which
/// counts as unset.
fn transport(text: &str) -> Result<Transport, String> {
    if text.starts_with('/') {
        Ok(Transport::Smtp)
    } else {
        Transport::from_str(text, false).map_err(|_| "allowed are smtp and log".into())
    }
}

impl MailFlags {
    /// The mailer; `None` if Taskwell sends no mail.
    pub fn mailer(&self) -> Result<Option<Mailer>, String> {
        match (self.mail, &self.smtp_url) {
            (Transport::Log, _) => Ok(Some(Mailer::Log)),
            (Transport::Smtp, None) => Ok(None),
            (Transport::Smtp, Some(url)) => {
                let from = mailer::sender(&self.mail_from)
                    .map_err(|e| invalid("MAIL_FROM", &self.mail_from, &e))?;
                Mailer::smtp(url, from).map(Some).map_err(|e| invalid_url("SMTP_URL", url, &e))
            }
        }
    }
}
