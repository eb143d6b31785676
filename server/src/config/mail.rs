//! Settings of mail.

use clap::{Args, ValueEnum};

use super::refused::{Refused, refused, refused_url};
use crate::mailer::{self, Mailer};

/// The flags of mail.
#[derive(Args)]
pub struct Flags {
    /// The server that mail goes by: `smtp://USER:PASSWORD@HOST:587?tls=required` (STARTTLS) or `smtps://…` (TLS). Without it
    /// there is no mail.
    #[arg(long, env = "SMTP_URL", value_name = "SMTP_URL", hide_env_values = true, global = true)]
    smtp_url: Option<String>,

    /// Whom mail is from.
    #[arg(
        long,
        env = "MAIL_FROM",
        value_name = "MAIL_FROM",
        default_value = "Taskwell <taskwell@localhost>",
        global = true
    )]
    mail_from: String,

    /// Where mail goes: smtp, or log for development alone, which prints it.
    #[arg(long, env = "MAIL", value_name = "MAIL", value_parser = mail_to, default_value = "smtp", global = true)]
    mail: MailTo,

    /// Where people reach this server, for links in mail, such as `https://tasks.example.org`.
    #[arg(
        long,
        env = "PUBLIC_URL",
        value_name = "PUBLIC_URL",
        default_value = "http://localhost:8000",
        global = true
    )]
    public_url: String,

    /// Whether an address must be verified before a login.
    #[arg(long, env = "REQUIRE_VERIFIED_EMAIL", value_name = "REQUIRE_VERIFIED_EMAIL", default_value_t = false, action = clap::ArgAction::Set, global = true)]
    pub require_verified_email: bool,
}

/// Login shells keep where their user's mail lies in a variable of the same name.
fn mail_to(text: &str) -> Result<MailTo, String> {
    if text.starts_with('/') {
        Ok(MailTo::Smtp)
    } else {
        MailTo::from_str(text, false).map_err(|_| "must be smtp or log".into())
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
            return Err(refused("REQUIRE_VERIFIED_EMAIL", "true", "needs mail: set SMTP_URL"));
        }
        if !self.public_url.starts_with("http://") && !self.public_url.starts_with("https://") {
            return Err(refused("PUBLIC_URL", &self.public_url, "must begin with http:// or https://"));
        }
        Ok((mailer, self.public_url.trim_end_matches('/').to_owned()))
    }
}
