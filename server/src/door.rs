//! The accept loop. Each connection gets a place and a worker. At a stop all are shown out, without a request's being lost that a
//! proxy sends meanwhile.

use std::net::TcpStream;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use taskwell_http::Service;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::connection::{self, Patience};
use crate::places::{Place, Places};
use crate::workers::Workers;

/// How long at a stop connections that are idle may bring one more request, and new ones are let in. Load balancers that ask
/// `/readyz` have noticed by then.
const PART_WITHIN: Duration = Duration::from_secs(2);
/// How long handshakes that have begun may take before the listener closes.
const HANDSHAKE_WITHIN: Duration = Duration::from_millis(50);
/// After an accept that failed: mostly too many files are open, and others must close first.
const PAUSE: Duration = Duration::from_millis(50);

pub struct Door<'w> {
    places: Arc<Places>,
    service: Service,
    patience: Patience,
    workers: &'w Workers,
    connections: JoinSet<()>,
    is_parting: bool,
}

impl<'w> Door<'w> {
    pub fn new(places: Arc<Places>, service: Service, patience: Patience, workers: &'w Workers) -> Door<'w> {
        Door { places, service, patience, workers, connections: JoinSet::new(), is_parting: false }
    }

    /// Lets connections in, until it is dropped or, at a stop, none is left.
    pub async fn let_in(&mut self, listener: &TcpListener) {
        let places = self.places.clone();
        let mut accepting = pin!(accept(listener, &places));
        while !(self.is_parting && self.connections.is_empty()) {
            tokio::select! {
                (stream, place) = &mut accepting => {
                    accepting.set(accept(listener, &places));
                    self.serve(stream, place);
                }
                Some(_) = self.connections.join_next() => {}
            }
        }
    }

    /// Lets all out: what is under way, and what is on its way to here.
    pub async fn let_out(&mut self, listener: TcpListener) {
        self.is_parting = true;
        self.places.part();
        let _ = timeout(PART_WITHIN, self.let_in(&listener)).await;
        refuse_new(&listener);
        let _ = timeout(HANDSHAKE_WITHIN, self.let_in(&listener)).await;
        self.places.close_idle();
        // Clients whose connections the system has accepted may have sent their requests.
        self.let_in_queued(listener);
        let _ = timeout(PART_WITHIN, self.ended()).await;
        self.places.close();
        self.ended().await;
    }

    /// Cuts off whatever is left.
    pub async fn shut(&mut self) {
        self.connections.shutdown().await;
    }

    async fn ended(&mut self) {
        while self.connections.join_next().await.is_some() {}
    }

    fn let_in_queued(&mut self, listener: TcpListener) {
        let Ok(listener) = listener.into_std() else {
            return;
        };
        while let Ok((stream, peer)) = listener.accept() {
            let place = self.places.take(peer.ip()).now_or_never().flatten();
            if let (Ok(()), Some(place)) = (stream.set_nonblocking(true), place) {
                self.serve(stream, place);
            }
        }
    }

    fn serve(&mut self, stream: TcpStream, place: Place) {
        if self.is_parting {
            place.activity.part();
        }
        let (service, patience) = (self.service.clone(), self.patience);
        let served = async move {
            connection::serve(stream, place.peer, service, place.activity.clone(), patience).await;
            drop(place);
        };
        self.connections.spawn_on(served, self.workers.next());
    }
}

/// The next connection, as soon as there is a place for it.
async fn accept(listener: &TcpListener, places: &Arc<Places>) -> (TcpStream, Place) {
    loop {
        let accepted = listener.accept().await;
        match accepted.and_then(|(stream, peer)| Ok((stream.into_std()?, peer))) {
            Ok((stream, peer)) => {
                if let Some(place) = places.take(peer.ip()).await {
                    return (stream, place);
                }
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(PAUSE).await;
            }
        }
    }
}

/// Ignores further connections, so that none arrives between the last accept and the listener's end: the system would reset it,
/// and a proxy answers 502 if it has sent a POST by then. Clients ask again after a second, and are refused.
fn refuse_new(listener: &TcpListener) {
    #[cfg(target_os = "linux")]
    if let Err(error) = socket2::SockRef::from(listener).attach_filter(&NO_SYN) {
        tracing::debug!(%error, "cannot ignore new connections during shutdown; they are accepted until the listener closes");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = listener;
}

/// A classic BPF program: drops TCP segments with the SYN flag (RFC 9293, section 3.1), lets others pass whole.
#[cfg(target_os = "linux")]
const NO_SYN: [socket2::SockFilter; 4] = {
    use socket2::SockFilter;
    const LOAD_BYTE: u16 = 0x30;
    const JUMP_IF_SET: u16 = 0x45;
    const RETURN: u16 = 0x06;
    [
        SockFilter::new(LOAD_BYTE, 0, 0, 13),
        SockFilter::new(JUMP_IF_SET, 0, 1, 0x02),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ]
};
