//! Sends queued mail over SMTP, or prints it to the log during development.

use std::time::Duration;

use lettre::message::{Mailbox, header::ContentType};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use taskwell_core::app::Operator;
use taskwell_core::mail::Outgoing;
use tokio::sync::watch;

/// How often to check the queue.
const CHECK_EVERY: Duration = Duration::from_secs(1);
/// How long the mail server may take for one message.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// How Taskwell sends mail.
#[derive(Clone)]
pub enum Mailer {
    Smtp {
        transport: Box<AsyncSmtpTransport<Tokio1Executor>>,
        from: Box<Mailbox>,
    },
    /// Prints mail to the log. Only for development: anybody who reads the log can use the links.
    Log,
}

/// Parses an address with or without a name before it.
pub fn sender(text: &str) -> Result<Mailbox, String> {
    text.parse().map_err(|e| format!("write an address such as Taskwell <tasks@example.org>: {e}"))
}

impl Mailer {
    /// A mailer for an `smtp://` or `smtps://` URL. `?tls=required` turns on STARTTLS. `from` is
    /// the sender.
    pub fn smtp(url: &str, from: Mailbox) -> Result<Mailer, String> {
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
            .map_err(|e| format!("write smtp://USER:PASSWORD@HOST:PORT or smtps://…: {e}"))?
            .timeout(Some(SEND_TIMEOUT))
            .build();
        Ok(Mailer::Smtp { transport: Box::new(transport), from: Box::new(from) })
    }

    /// Sends queued mail with the `current` mailer. Runs until it is cancelled.
    pub async fn run(current: watch::Receiver<Mailer>, operator: Operator) {
        loop {
            match operator.next_mail().await {
                Ok(Some(mail)) => {
                    let mailer = current.borrow().clone();
                    mailer.send(&operator, mail).await;
                }
                Ok(None) => tokio::time::sleep(CHECK_EVERY).await,
                Err(error) => {
                    tracing::warn!(%error, "cannot read the mail queue; the next attempt follows \
                        in 5 s");
                    tokio::time::sleep(CHECK_EVERY * 5).await;
                }
            }
        }
    }

    async fn send(&self, operator: &Operator, mail: Outgoing) {
        let id = mail.id;
        match self.deliver(mail).await {
            // If this fails, Taskwell sends the mail again. Twice is better than never.
            Ok(()) => {
                if let Err(error) = operator.mail_sent(id).await {
                    tracing::warn!(
                        %error,
                        id = id.0,
                        "cannot remove sent mail from the queue; it will be sent again"
                    );
                }
            }
            Err(cause) => {
                tracing::warn!(cause, id = id.0, "cannot send mail; it stays in the queue");
            }
        }
    }

    async fn deliver(&self, mail: Outgoing) -> Result<(), String> {
        match self {
            Mailer::Log => {
                tracing::info!(to = mail.to, subject = mail.subject, "mail\n{}", mail.text);
                Ok(())
            }
            Mailer::Smtp { transport, from } => {
                let to = mail
                    .to
                    .parse()
                    .map_err(|e| format!("the recipient address is invalid: {e}"))?;
                let message = Message::builder()
                    .from(Mailbox::clone(from))
                    .to(Mailbox::new(None, to))
                    .subject(mail.subject)
                    .header(ContentType::TEXT_PLAIN)
                    .body(mail.text)
                    .map_err(|e| e.to_string())?;
                transport.send(message).await.map(drop).map_err(|e| e.to_string())
            }
        }
    }
}
