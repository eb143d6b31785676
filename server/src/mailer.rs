//! Who sends the mail that waits: by SMTP, or into the log where somebody develops.

use std::time::Duration;

use lettre::message::{Mailbox, header::ContentType};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use taskwell_core::app::App;
use taskwell_core::mail::Outgoing;
use tokio::sync::watch;

/// How often it is looked whether mail waits.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a server may take for one.
const SEND_WITHIN: Duration = Duration::from_secs(30);

/// How mail leaves.
#[derive(Clone)]
pub enum Mailer {
    Smtp {
        transport: Box<AsyncSmtpTransport<Tokio1Executor>>,
        from: Box<Mailbox>,
    },
    /// Printed, for development alone: its links let anybody in.
    Log,
}

/// An address, with a name before it or without.
pub fn sender(text: &str) -> Result<Mailbox, String> {
    text.parse().map_err(|e| format!("write an address such as Taskwell <tasks@example.org>: {e}"))
}

impl Mailer {
    /// A mailer by `smtp://` or `smtps://`, with `?tls=required` for STARTTLS; `from` is who it
    /// says it is from.
    pub fn smtp(url: &str, from: Mailbox) -> Result<Mailer, String> {
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
            .map_err(|e| format!("write smtp://USER:PASSWORD@HOST:PORT or smtps://…: {e}"))?
            .timeout(Some(SEND_WITHIN))
            .build();
        Ok(Mailer::Smtp { transport: Box::new(transport), from: Box::new(from) })
    }

    /// Sends what waits, by whichever is `current`, until it is dropped.
    pub async fn run(current: watch::Receiver<Mailer>, app: App) {
        loop {
            match app.next_mail().await {
                Ok(Some(mail)) => {
                    let mailer = current.borrow().clone();
                    mailer.send(&app, mail).await;
                }
                Ok(None) => tokio::time::sleep(LOOK_EVERY).await,
                Err(error) => {
                    tracing::warn!(%error, "cannot read the mail queue; the next attempt follows \
                        in 5 s");
                    tokio::time::sleep(LOOK_EVERY * 5).await;
                }
            }
        }
    }

    async fn send(&self, app: &App, mail: Outgoing) {
        let id = mail.id;
        match self.hand_over(mail).await {
            // If this fails it is sent twice, which is better than not at all.
            Ok(()) => {
                if let Err(error) = app.mail_sent(id).await {
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

    async fn hand_over(&self, mail: Outgoing) -> Result<(), String> {
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
