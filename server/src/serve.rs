//! The server: an accept loop with limits, and a stop that lets requests under way finish.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use taskwell_core::app::App;
use taskwell_core::settings::Scheme;
use taskwell_http::{Options, Peer, Readiness, Service, service};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use crate::cli::{Outcome, print};
use crate::config::Checked;
use crate::housekeeping;
use crate::mailer::Mailer;
use crate::opening::Opening;
use crate::store;
use crate::workers::Workers;

/// How long a request's head may take to arrive.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// The most that the head of a request may hold.
const HEAD_BYTES_MAX: usize = 64 * 1024;
const HEADERS_MAX: usize = 100;
/// HTTP/2: requests that one connection may have under way.
const STREAMS_MAX: u32 = 128;
const PING_EVERY: Duration = Duration::from_secs(30);

/// Serves until a signal says stop.
pub fn run(config: &Checked) -> Outcome {
    if let Scheme::Bcrypt(cost @ ..10) = config.settings.scheme {
        tracing::warn!("BCRYPT_COST {cost} is below 10: hashes are quick to guess; fit for tests alone");
    }
    let app = store::open(config)?;
    let readiness = Readiness::default();
    let options = Options {
        cors: config.cors.clone(),
        readiness: readiness.clone(),
        trusted_proxies: config.trusted_proxies.clone(),
        security_contact: config.security_contact.clone(),
    };
    let service = service(app.clone(), &options);
    let workers = Workers::start().map_err(|e| format!("cannot start: {e}"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| format!("cannot start: {e}"))?;
    if matches!(config.mailer, Some(Mailer::Log)) {
        tracing::warn!(
            "MAIL=log prints mail, and with it links that let anybody in; fit for development alone"
        );
    }
    runtime.block_on(async {
        let mut beside = JoinSet::new();
        beside.spawn(housekeeping::run(app.clone()));
        if let Some(mailer) = config.mailer.clone() {
            beside.spawn(mailer.run(app.clone()));
        }
        let served = serve(config, &app, service, &readiness, &workers).await;
        beside.shutdown().await;
        served
    })
}

async fn serve(
    config: &Checked,
    app: &App,
    service: Service,
    readiness: &Readiness,
    workers: &Workers,
) -> Outcome {
    let address = SocketAddr::from(config.listen);
    let listener = TcpListener::bind(address)
        .await
        .map_err(|e| format!("cannot listen on {address}: {e}; choose others with HOST and PORT"))?;
    let stops = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    let (Ok(mut terminate), Ok(mut interrupt)) = stops else {
        return Err("cannot wait for signals".into());
    };
    let bound = listener.local_addr().map_err(|e| format!("cannot listen on {address}: {e}"))?;
    print(&format!("Taskwell listens on http://{bound}"))?;

    let mut connections = JoinSet::new();
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(config.connections_max));
    loop {
        tokio::select! {
            accepted = accept(&listener, &places) => {
                let (stream, place) = accepted;
                let (service, watcher) = (service.clone(), graceful.watcher());
                let served = async move {
                    connection(stream, service, watcher).await;
                    drop(place);
                };
                connections.spawn_on(served, workers.next());
            }
            Some(_) = connections.join_next() => {}
            () = stopped(&mut terminate, &mut interrupt) => break,
        }
    }
    readiness.stop();
    // Their clients go on at another instance, or at this one when it is back.
    app.end_watches();
    drop(listener);
    tracing::info!("stopping: requests under way may finish");
    let patience = Duration::from_secs(config.shutdown_timeout_s);
    tokio::select! {
        () = graceful.shutdown() => {}
        () = tokio::time::sleep(patience) => tracing::warn!("some requests took too long and were cut off"),
        () = stopped(&mut terminate, &mut interrupt) => tracing::warn!("a second signal: requests were cut off"),
    }
    connections.shutdown().await;
    Ok(())
}

async fn stopped(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// The next connection, as soon as there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (std::net::TcpStream, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed, so there is always a permit in the end.
    let place = places.clone().acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => match stream.into_std() {
                Ok(stream) => return (stream, place),
                Err(error) => tracing::warn!(%error, "a connection was not accepted"),
            },
            Err(error) => {
                // Mostly too many open files: others must close first.
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// One connection, HTTP/1.1 or HTTP/2 in clear text.
async fn connection(stream: std::net::TcpStream, service: Service, watcher: Watcher) {
    let stream = match TcpStream::from_std(stream) {
        Ok(stream) => stream,
        Err(error) => return tracing::warn!(%error, "a connection was not accepted"),
    };
    // Without it an answer may wait for the acknowledgement of the last one. A socket that is gone says so soon enough.
    let _ = stream.set_nodelay(true);
    let peer = stream.peer_addr().ok().map(|address| Peer(address.ip()));
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(u32::try_from(HEAD_BYTES_MAX).unwrap_or(u32::MAX))
        .keep_alive_interval(PING_EVERY);
    let handler = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let mut request: Request = request.map(Body::new);
        if let Some(peer) = peer {
            request.extensions_mut().insert(peer);
        }
        let service = service.clone();
        async move { Ok::<_, Infallible>(service.answer(request).await) }
    });
    let serving =
        builder.serve_connection(TokioIo::new(Opening::new(stream, HEADER_TIMEOUT)), handler).into_owned();
    // Peers that hang up or speak no HTTP are their own problem, not the log's.
    if let Err(error) = watcher.watch(serving).await {
        tracing::debug!(%error, "a connection ended early");
    }
}
