//! SIGHUP: what can change while the server runs is read again, the level of the log and secrets.

use taskwell_core::app::App;
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
    app: App,
    levels: Levels,
    /// Where mail is sent at all.
    mailer: Option<watch::Sender<Mailer>>,
}

impl Reload {
    pub fn new(
        hangups: Signal,
        load: LoadConfig,
        app: App,
        levels: Levels,
        mailer: Option<watch::Sender<Mailer>>,
    ) -> Reload {
        Reload { hangups, load, app, levels, mailer }
    }

    /// Reads again at each signal, until it is dropped.
    pub async fn run(mut self) {
        while self.hangups.recv().await.is_some() {
            match (self.load)().and_then(|config| Ok((store::reload_secret(&config)?, config))) {
                Ok((secret, config)) => self.take(&secret, &config),
                Err(error) => tracing::warn!("SIGHUP: no setting was reloaded: {error}"),
            }
        }
    }

    fn take(&self, secret: &Secret, config: &Config) {
        if let Err(error) = self.app.replace_secrets(&secret.all()) {
            return tracing::warn!(%error, "SIGHUP: no setting was reloaded");
        }
        let mut taken = vec![format!("RUST_LOG={}", config.log.levels), secret.told()];
        if let (Some(mailer), Some(new)) = (&self.mailer, &config.mailer) {
            mailer.send_replace(new.clone());
            taken.push("SMTP_URL and MAIL_FROM".to_owned());
        }
        let tell = || tracing::info!("SIGHUP: reloaded {}", taken.join("; "));
        // A level that hides it is told of before it counts.
        let is_told = tracing::enabled!(tracing::Level::INFO);
        if is_told {
            tell();
        }
        self.levels.set(config.log.levels.clone());
        if !is_told {
            tell();
        }
    }
}
