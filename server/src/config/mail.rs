//! Settings of mail.

use clap::{Args, ValueEnum};

use super::refused::{Refused, refused, refused_url};
use crate::mailer::{self, Mailer};

/// The flags of mail.
#[derive(Args)]
pub struct Flags {
    /// The mail server: `smtp://USER:PASSWORD@HOST:587?tls=required` (STARTTLS) or `smtps://…`
    /// (TLS). Without it, Taskwell sends no mail.
    #[arg(long, env = "SMTP_URL", value_name = "SMTP_URL", hide_env_values = true, global = true)]
    smtp_url: Option<String>,

    /// Sender address of mail.
    #[arg(
        long,
        env = "MAIL_FROM",
        value_name = "MAIL_FROM",
        default_value = "Taskwell <taskwell@localhost>",
        global = true
    )]
    mail_from: String,

    /// How to send mail: `smtp`, or `log`, which prints mail to the log. Use `log` only for
    /// development.
    #[arg(
        long, env = "MAIL", value_name = "MAIL", value_parser = mail_to, default_value = "smtp",
        global = true
    )]
    mail: MailTo,

    /// Base URL for links in mail, such as `https://tasks.example.org`. An `https://` URL also
    /// turns on HSTS.
    #[arg(
        long,
        env = "PUBLIC_URL",
        value_name = "PUBLIC_URL",
        default_value = "http://localhost:8000",
        global = true
    )]
    public_url: String,

    /// Whether login requires a verified email address.
    #[arg(
        long, env = "REQUIRE_VERIFIED_EMAIL", value_name = "REQUIRE_VERIFIED_EMAIL",
        default_value_t = false, action = clap::ArgAction::Set, global = true
    )]
    pub require_verified_email: bool,
}

/// Login shells keep where their user's mail lies in a variable of the same name.
fn mail_to(text: &str) -> Result<MailTo, String> {
    if text.starts_with('/') {
        Ok(MailTo::Smtp)
    } else {
        MailTo::from_str(text, false).map_err(|_| "allowed are smtp and log".into())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MailTo {
    Smtp,
    Log,
}

impl Flags {
    /// Who sends, if there is mail; and where links lead.
    pub fn checked(&self) -> Result<(Option<Mailer>, String), Refused> {
        let mailer = match (self.mail, &self.smtp_url) {
            (MailTo::Log, _) => Some(Mailer::Log),
            (MailTo::Smtp, Some(url)) => {
                let from = mailer::sender(&self.mail_from);
                let from = from.map_err(|e| refused("MAIL_FROM", &self.mail_from, &e))?;
                Some(Mailer::smtp(url, from).map_err(|e| refused_url("SMTP_URL", url, &e))?)
            }
            (MailTo::Smtp, None) => None,
        };
        if self.require_verified_email && mailer.is_none() {
            return Err(refused(
                "REQUIRE_VERIFIED_EMAIL",
                "true",
                "it requires mail; set SMTP_URL",
            ));
        }
        if !self.public_url.starts_with("http://") && !self.public_url.starts_with("https://") {
            let allowed = "the URL must start with http:// or https://";
            return Err(refused("PUBLIC_URL", &self.public_url, allowed));
        }
        Ok((mailer, self.public_url.trim_end_matches('/').to_owned()))
    }
}
