//! The accept loop. Each connection gets a slot and a worker. A shutdown drains all connections
//! without losing a request that a proxy sends meanwhile.

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

/// How long a shutdown still accepts connections and one more request on each idle one. In this
/// time, load balancers notice that `/readyz` fails.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a handshake in progress may take before the listener closes.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_millis(50);
/// Delay after a failed accept. Usually too many files are open, and others must close first.
const RETRY_DELAY: Duration = Duration::from_millis(50);

pub struct Acceptor<'w> {
    slots: Arc<ConnectionSlots>,
    service: Service,
    timeouts: Timeouts,
    workers: &'w Workers,
    connections: JoinSet<()>,
    is_draining: bool,
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
            is_draining: false,
        }
    }

    /// Accepts connections. Runs until it is cancelled or, during a shutdown, until no connection
    /// is left.
    pub async fn accept_all(&mut self, listener: &TcpListener) {
        let slots = self.slots.clone();
        let mut accepting = pin!(accept(listener, &slots));
        while !(self.is_draining && self.connections.is_empty()) {
            tokio::select! {
                (stream, slot) = &mut accepting => {
                    accepting.set(accept(listener, &slots));
                    self.serve(stream, slot);
                }
                Some(_) = self.connections.join_next() => {}
            }
        }
    }

    /// Finishes all active requests and those that clients are sending, then closes all
    /// connections.
    pub async fn drain(&mut self, listener: TcpListener) {
        self.is_draining = true;
        self.slots.drain();
        let _ = timeout(DRAIN_TIMEOUT, self.accept_all(&listener)).await;
        ignore_new(&listener);
        let _ = timeout(HANDSHAKE_TIMEOUT, self.accept_all(&listener)).await;
        self.slots.close_idle();
        // The system has accepted these connections, so their clients may have sent requests.
        self.accept_queued(listener);
        let _ = timeout(DRAIN_TIMEOUT, self.wait_for_all()).await;
        self.slots.close();
        self.wait_for_all().await;
    }

    /// Closes the remaining connections without waiting for their requests.
    pub async fn abort(&mut self) {
        self.connections.shutdown().await;
    }

    async fn wait_for_all(&mut self) {
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
        if self.is_draining {
            slot.activity.drain();
        }
        let (service, timeouts) = (self.service.clone(), self.timeouts);
        let served = async move {
            connection::serve(stream, slot.peer, service, slot.activity.clone(), timeouts).await;
            drop(slot);
        };
        self.connections.spawn_on(served, self.workers.next());
    }
}

/// Waits for the next connection and for a slot for it.
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
                sleep(RETRY_DELAY).await;
            }
        }
    }
}

/// Ignores new connections, so that none arrives between the last accept and the close of the
/// listener. The system would reset such a connection, and a proxy that has sent a POST on it
/// responds with 502. Clients repeat the handshake after a second and are refused.
fn ignore_new(listener: &TcpListener) {
    #[cfg(target_os = "linux")]
    if let Err(error) = socket2::SockRef::from(listener).attach_filter(&NO_SYN) {
        tracing::debug!(%error, "cannot ignore new connections during shutdown; they are accepted \
                                 until the listener closes");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = listener;
}

/// A classic BPF program that drops TCP segments with the SYN flag (RFC 9293, section 3.1) and
/// passes all others unchanged.
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
