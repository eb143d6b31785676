//! The accept loop. Each connection gets a place and a worker. At a stop all are shown out, without
//! a request's being lost that a proxy sends meanwhile.

use std::net::TcpStream;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use taskwell_http::Service;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::connection::{self, Timeouts};
use crate::slots::{ConnectionSlot, ConnectionSlots};
use crate::workers::Workers;

/// How long at a stop connections that are idle may bring one more request, and new ones are let
/// in. Load balancers that ask `/readyz` have noticed by then.
const PART_WITHIN: Duration = Duration::from_secs(2);
/// How long handshakes that have begun may take before the listener closes.
const HANDSHAKE_WITHIN: Duration = Duration::from_millis(50);
/// After an accept that failed: mostly too many files are open, and others must close first.
const PAUSE: Duration = Duration::from_millis(50);

pub struct Acceptor<'w> {
    slots: Arc<ConnectionSlots>,
    service: Service,
    timeouts: Timeouts,
    workers: &'w Workers,
    connections: JoinSet<()>,
    is_parting: bool,
}

impl<'w> Acceptor<'w> {
    pub fn new(
        slots: Arc<ConnectionSlots>,
        service: Service,
        timeouts: Timeouts,
        workers: &'w Workers,
    ) -> Acceptor<'w> {
        Acceptor {
            slots,
            service,
            timeouts,
            workers,
            connections: JoinSet::new(),
            is_parting: false,
        }
    }

    /// Lets connections in, until it is dropped or, at a stop, none is left.
    pub async fn accept_all(&mut self, listener: &TcpListener) {
        let slots = self.slots.clone();
        let mut accepting = pin!(accept(listener, &slots));
        while !(self.is_parting && self.connections.is_empty()) {
            tokio::select! {
                (stream, slot) = &mut accepting => {
                    accepting.set(accept(listener, &slots));
                    self.serve(stream, slot);
                }
                Some(_) = self.connections.join_next() => {}
            }
        }
    }

    /// Lets all out: what is under way, and what is on its way to here.
    pub async fn drain(&mut self, listener: TcpListener) {
        self.is_parting = true;
        self.slots.part();
        let _ = timeout(PART_WITHIN, self.accept_all(&listener)).await;
        refuse_new(&listener);
        let _ = timeout(HANDSHAKE_WITHIN, self.accept_all(&listener)).await;
        self.slots.close_idle();
        // Clients whose connections the system has accepted may have sent their requests.
        self.accept_queued(listener);
        let _ = timeout(PART_WITHIN, self.ended()).await;
        self.slots.close();
        self.ended().await;
    }

    /// Cuts off whatever is left.
    pub async fn abort(&mut self) {
        self.connections.shutdown().await;
    }

    async fn ended(&mut self) {
        while self.connections.join_next().await.is_some() {}
    }

    fn accept_queued(&mut self, listener: TcpListener) {
        let Ok(listener) = listener.into_std() else {
            return;
        };
        while let Ok((stream, peer)) = listener.accept() {
            let slot = self.slots.take(peer.ip()).now_or_never().flatten();
            if let (Ok(()), Some(slot)) = (stream.set_nonblocking(true), slot) {
                self.serve(stream, slot);
            }
        }
    }

    fn serve(&mut self, stream: TcpStream, slot: ConnectionSlot) {
        if self.is_parting {
            slot.activity.part();
        }
        let (service, timeouts) = (self.service.clone(), self.timeouts);
        let served = async move {
            connection::serve(stream, slot.peer, service, slot.activity.clone(), timeouts).await;
            drop(slot);
        };
        self.connections.spawn_on(served, self.workers.next());
    }
}

/// The next connection, as soon as there is a place for it.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<ConnectionSlots>,
) -> (TcpStream, ConnectionSlot) {
    loop {
        let accepted = listener.accept().await;
        match accepted.and_then(|(stream, peer)| Ok((stream.into_std()?, peer))) {
            Ok((stream, peer)) => {
                if let Some(slot) = slots.take(peer.ip()).await {
                    return (stream, slot);
                }
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(PAUSE).await;
            }
        }
    }
}

/// Ignores further connections, so that none arrives between the last accept and the listener's
/// end: the system would reset it, and a proxy answers 502 if it has sent a POST by then. Clients
/// ask again after a second, and are refused.
fn refuse_new(listener: &TcpListener) {
    #[cfg(target_os = "linux")]
    if let Err(error) = socket2::SockRef::from(listener).attach_filter(&NO_SYN) {
        tracing::debug!(%error, "cannot ignore new connections during shutdown; they are accepted \
                                 until the listener closes");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = listener;
}

/// A classic BPF program: drops TCP segments with the SYN flag (RFC 9293, section 3.1), lets others
/// pass whole.
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
