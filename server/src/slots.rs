//! Connection slots: how many exist, how many one client may use, and which idle connections close
//! when slots run short.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use taskwell_core::client::Client;
use taskwell_http::Network;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::connection::Activity;

/// If more of the slots than this are in use, idle connections close.
const CROWDED_PERCENT: usize = 80;
/// One client may use one of this many slots.
const CLIENT_SHARE: usize = 4;
/// How long a connection without a request does not count as idle, unless all slots are in use.
const FRESH: Duration = Duration::from_secs(1);
/// How often to look for idle connections while all slots are in use.
const SEARCH_EVERY: Duration = Duration::from_millis(100);
const WARN_EVERY: Duration = Duration::from_mins(1);

/// All slots of the process.
pub struct ConnectionSlots {
    max: usize,
    trusted_proxies: Vec<Network>,
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Default)]
struct State {
    last_id: u64,
    all: BTreeMap<u64, Arc<Activity>>,
    by_client: HashMap<Client, usize>,
    last_warning: Option<Instant>,
}

/// The slot of one connection. Dropping it frees the slot.
pub struct ConnectionSlot {
    slots: Arc<ConnectionSlots>,
    id: u64,
    client: Option<Client>,
    pub peer: IpAddr,
    pub activity: Arc<Activity>,
}

enum Rejection {
    /// All slots are in use.
    Full,
    /// The client uses its share.
    Share,
}

impl ConnectionSlots {
    pub fn new(max: usize, trusted_proxies: Vec<Network>) -> Arc<ConnectionSlots> {
        Arc::new(ConnectionSlots {
            max,
            trusted_proxies,
            state: Mutex::default(),
            freed: Notify::new(),
        })
    }

    /// Waits for a slot for a connection from `peer`. `None` means that the client already uses its
    /// share.
    pub async fn take(self: &Arc<ConnectionSlots>, peer: IpAddr) -> Option<ConnectionSlot> {
        let client = (!self.is_exempt(peer)).then(|| Client::of(peer));
        loop {
            match self.try_take(peer, client) {
                Ok(slot) => return Some(slot),
                Err(Rejection::Share) => return None,
                Err(Rejection::Full) => {}
            }
            let _ = timeout(SEARCH_EVERY, self.freed.notified()).await;
        }
    }

    /// Asks all connections to close after their next response.
    pub fn drain(&self) {
        self.lock().all.values().for_each(|activity| activity.drain());
    }

    /// Asks connections to close that have been idle for at least [`FRESH`]. On newer ones, a
    /// request may be arriving.
    pub fn close_idle(&self) {
        let state = self.lock();
        let is_idle = |activity: &Activity| {
            activity.idle_since().is_some_and(|since| since.elapsed() >= FRESH)
        };
        state
            .all
            .values()
            .filter(|activity| is_idle(activity))
            .for_each(|activity| activity.close());
    }

    /// Asks all connections to close after their active requests.
    pub fn close(&self) {
        self.lock().all.values().for_each(|activity| activity.close());
    }

    /// Whether the share does not apply: a proxy or a program on this machine serves many clients.
    fn is_exempt(&self, peer: IpAddr) -> bool {
        peer.to_canonical().is_loopback()
            || self.trusted_proxies.iter().any(|network| network.holds(peer))
    }

    fn try_take(
        self: &Arc<ConnectionSlots>,
        peer: IpAddr,
        client: Option<Client>,
    ) -> Result<ConnectionSlot, Rejection> {
        let state = &mut *self.lock();
        let share = (self.max / CLIENT_SHARE).max(1);
        if let Some(client) = client
            && state.by_client.get(&client).is_some_and(|count| *count >= share)
        {
            state.warn_of_share(client, share);
            return Err(Rejection::Share);
        }
        let crowded = (self.max * CROWDED_PERCENT).div_ceil(100);
        // Closing 1 % more than necessary saves the next connections a search.
        let more = self.max / 100;
        let is_full = state.all.len() >= self.max;
        if let Some(count) = (state.all.len() + 1).checked_sub(crowded).filter(|count| *count > 0) {
            state.close_oldest(count, more, if is_full { Duration::ZERO } else { FRESH });
        }
        if is_full {
            return Err(Rejection::Full);
        }
        state.last_id += 1;
        let (id, activity) = (state.last_id, Arc::new(Activity::new()));
        state.all.insert(id, activity.clone());
        if let Some(client) = client {
            *state.by_client.entry(client).or_default() += 1;
        }
        Ok(ConnectionSlot { slots: self.clone(), id, client, peer, activity })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Closes idle connections until `count` are closing, and `more` beyond that. The connections
    /// that have been idle longest close first.
    fn close_oldest(&self, count: usize, more: usize, fresh: Duration) {
        let closing = self.all.values().filter(|activity| activity.is_closing()).count();
        let Some(missing) = count.checked_sub(closing).filter(|missing| *missing > 0) else {
            return;
        };
        let wanted = missing + more;
        let staying = self.all.values().filter(|activity| !activity.is_closing());
        let mut idle: Vec<_> = staying
            .filter_map(|activity| {
                let since = activity.idle_since()?;
                (activity.has_responded() || since.elapsed() >= fresh).then_some((since, activity))
            })
            .collect();
        if idle.len() > wanted {
            idle.select_nth_unstable_by_key(wanted, |(since, _)| *since);
            idle.truncate(wanted);
        }
        for (_, activity) in idle {
            activity.close();
        }
    }

    fn warn_of_share(&mut self, client: Client, share: usize) {
        if self.last_warning.is_none_or(|at| at.elapsed() >= WARN_EVERY) {
            self.last_warning = Some(Instant::now());
            let client = client.address();
            tracing::warn!(
                %client,
                "this client has {share} connections, a quarter of MAX_CONNECTIONS; Taskwell \
                 refuses further ones. If it is a proxy, add it to TRUSTED_PROXIES"
            );
        }
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        let state = &mut *self.slots.lock();
        state.all.remove(&self.id);
        if let Some(client) = self.client
            && let Some(count) = state.by_client.get_mut(&client)
        {
            *count -= 1;
            if *count == 0 {
                state.by_client.remove(&client);
            }
        }
        self.slots.freed.notify_one();
    }
}
