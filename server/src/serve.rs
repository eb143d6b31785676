//! `taskwell serve`: the tasks of the running server, and a shutdown that finishes active requests.

use std::net::SocketAddr;

use taskwell_core::app::App;
use taskwell_core::settings::Scheme;
use taskwell_http::{Options, Readiness, Service, service};
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::acceptor::Acceptor;
use crate::accounts;
use crate::config::Config;
use crate::connection;
use crate::console::{Outcome, print, runtime};
use crate::descriptors;
use crate::housekeeping;
use crate::mailer::Mailer;
use crate::reload::{LoadConfig, Reload};
use crate::slots::ConnectionSlots;
use crate::store;
use crate::telemetry::Logging;
use crate::workers::Workers;

/// How many connections the system accepts before the server does.
const BACKLOG: u32 = 1024;

/// Serves until SIGTERM or SIGINT. On SIGHUP, `load` reads the settings again.
pub fn run(mut config: Config, logging: &Logging, load: LoadConfig) -> Outcome {
    descriptors::fit(&mut config);
    let config = &config;
    if let Scheme::Bcrypt(cost @ ..10) = config.settings.scheme {
        tracing::warn!(
            "BCRYPT_COST={cost} is below 10, which makes passwords easy to guess from their \
             hashes; use it only for tests"
        );
    }
    let runtime = runtime()?;
    // From here on, SIGHUP does not end the process, even while the database opens.
    let hangups = runtime.block_on(async { signal(SignalKind::hangup()) });
    let hangups = hangups.map_err(|e| format!("cannot handle signals: {e}"))?;
    // This comes before the database opens: if the port is in use, another server may be using the
    // database. The server listens only afterwards, because clients would have to wait.
    let socket = bind(config)?;
    let operator = store::open(config)?;
    runtime.block_on(accounts::warn_of_shadowed(&operator));
    let readiness = Readiness::default();
    let options = Options {
        cors: config.cors.clone(),
        readiness: readiness.clone(),
        trusted_proxies: config.trusted_proxies.clone(),
        security_contact: config.security_contact.clone(),
    };
    let service = service(operator.app().clone(), &options);
    let workers = Workers::start().map_err(|e| format!("cannot start the worker threads: {e}"))?;
    if matches!(config.mailer, Some(Mailer::Log)) {
        tracing::warn!(
            "MAIL=log prints mail to the log, including links that anybody can use to log in; use \
             it only for development"
        );
    }
    runtime.block_on(async {
        let mut background = JoinSet::new();
        background.spawn(housekeeping::run(operator.clone()));
        background.spawn(logging.report_dropped());
        let mailer = config.mailer.clone().map(|mailer| {
            let (replace, current) = watch::channel(mailer);
            background.spawn(Mailer::run(current, operator.clone()));
            replace
        });
        background
            .spawn(Reload::new(hangups, load, operator.clone(), logging.levels(), mailer).run());
        if let Some(redis) = config.redis.clone() {
            background.spawn(redis.reconnect());
        }
        let listener = socket.listen(BACKLOG).map_err(|e| bind_error(config, &e))?;
        connection::limit_unsent(&listener);
        let served = serve(config, listener, operator.app(), service, (&readiness, &workers)).await;
        background.shutdown().await;
        served
    })
}

/// Binds the port without listening on it.
fn bind(config: &Config) -> Result<TcpSocket, String> {
    let address = SocketAddr::from(config.listen);
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
    let bound = socket.and_then(|socket| {
        // Otherwise, connections of a server that has just stopped would block the port.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(socket)
    });
    bound.map_err(|e| bind_error(config, &e))
}

fn bind_error(config: &Config, error: &std::io::Error) -> String {
    let address = SocketAddr::from(config.listen);
    format!("cannot listen on {address}: {error}; choose another address with HOST and PORT")
}

async fn serve(
    config: &Config,
    listener: TcpListener,
    app: &App,
    service: Service,
    (readiness, workers): (&Readiness, &Workers),
) -> Outcome {
    let stops = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    let (Ok(terminate), Ok(interrupt)) = stops else {
        return Err("cannot handle SIGTERM and SIGINT".into());
    };
    let mut stops = Stops { terminate, interrupt };
    let bound = listener.local_addr().map_err(|e| format!("cannot listen: {e}"))?;
    print(&format!("Taskwell listens on http://{bound}"))?;
    let slots = ConnectionSlots::new(config.connections_max, config.trusted_proxies.clone());
    let mut acceptor = Acceptor::new(slots, service, config.timeouts, workers);
    tokio::select! {
        () = acceptor.accept_all(&listener) => {}
        () = stops.next() => {}
    }
    readiness.stop();
    // Clients of event streams reconnect to another instance, or to this one after its restart.
    app.end_watches();
    tracing::info!("shutting down: active requests can finish");
    tokio::select! {
        () = acceptor.drain(listener) => return Ok(()),
        () = tokio::time::sleep(config.shutdown_timeout) => {
            tracing::warn!(
                "shutting down: closed the requests that were still active after \
                 SHUTDOWN_TIMEOUT_SECONDS"
            );
        }
        () = stops.next() => {
            tracing::warn!("shutting down: closed all active requests after a second signal");
        }
    }
    acceptor.abort().await;
    Ok(())
}

/// The signals that stop the server.
struct Stops {
    terminate: Signal,
    interrupt: Signal,
}

impl Stops {
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
