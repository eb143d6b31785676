//! SIGHUP: reloads the settings that can change while the server runs, which are the log levels and
//! the secrets.

use taskwell_core::app::Operator;
use tokio::signal::unix::Signal;
use tokio::sync::watch;

use crate::config::Config;
use crate::mailer::Mailer;
use crate::secret::Secret;
use crate::store;
use crate::telemetry::Levels;

/// Reads the current settings.
pub type LoadConfig = Box<dyn Fn() -> Result<Config, String> + Send>;

pub struct Reload {
    hangups: Signal,
    load: LoadConfig,
    operator: Operator,
    levels: Levels,
    /// `None` if the server sends no mail.
    mailer: Option<watch::Sender<Mailer>>,
}

impl Reload {
    pub fn new(
        hangups: Signal,
        load: LoadConfig,
        operator: Operator,
        levels: Levels,
        mailer: Option<watch::Sender<Mailer>>,
    ) -> Reload {
        Reload { hangups, load, operator, levels, mailer }
    }

    /// Reloads the settings on each signal. Runs until it is cancelled.
    pub async fn run(mut self) {
        while self.hangups.recv().await.is_some() {
            match (self.load)().and_then(|config| Ok((store::reload_secret(&config)?, config))) {
                Ok((secret, config)) => self.apply(&secret, &config),
                Err(error) => tracing::warn!("SIGHUP: no setting was reloaded: {error}"),
            }
        }
    }

    fn apply(&self, secret: &Secret, config: &Config) {
        if let Err(error) = self.operator.replace_secrets(&secret.all()) {
            return tracing::warn!(%error, "SIGHUP: no setting was reloaded");
        }
        let mut applied = vec![format!("RUST_LOG={}", config.log.levels), secret.summary()];
        if let (Some(mailer), Some(new)) = (&self.mailer, &config.mailer) {
            mailer.send_replace(new.clone());
            applied.push("SMTP_URL and MAIL_FROM".to_owned());
        }
        let log = || tracing::info!("SIGHUP: reloaded {}", applied.join("; "));
        // If the new levels would hide this event, it is logged before they take effect.
        let is_logged = tracing::enabled!(tracing::Level::INFO);
        if is_logged {
            log();
        }
        self.levels.set(config.log.levels.clone());
        if !is_logged {
            log();
        }
    }
}
