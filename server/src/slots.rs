//! Places for connections: how many there are, how many of them one client may have, and who goes
//! when they run short.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use taskwell_core::client::Client;
use taskwell_http::Network;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::connection::Activity;

/// With so many of all places taken, connections that are idle go.
const CROWDED_PERCENT: usize = 80;
/// One client may have one place of so many.
const SHARE: usize = 4;
/// A connection that has asked nothing yet is not taken for idle so long, unless all places are
/// taken.
const FRESH: Duration = Duration::from_secs(1);
/// How often to look for connections that have become idle, while all places are taken.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const WARN_EVERY: Duration = Duration::from_secs(60);

/// All places of the process.
pub struct ConnectionSlots {
    most: usize,
    trusted_proxies: Vec<Network>,
    taken: Mutex<Taken>,
    freed: Notify,
}

#[derive(Default)]
struct Taken {
    last_id: u64,
    all: BTreeMap<u64, Arc<Activity>>,
    of_client: HashMap<Client, usize>,
    warned: Option<Instant>,
}

/// A connection's place, until it is dropped.
pub struct ConnectionSlot {
    slots: Arc<ConnectionSlots>,
    id: u64,
    client: Option<Client>,
    pub peer: IpAddr,
    pub activity: Arc<Activity>,
}

enum Refused {
    /// There is no place.
    Full,
    /// The client has as many as it may.
    Share,
}

impl ConnectionSlots {
    pub fn new(most: usize, trusted_proxies: Vec<Network>) -> Arc<ConnectionSlots> {
        Arc::new(ConnectionSlots {
            most,
            trusted_proxies,
            taken: Mutex::default(),
            freed: Notify::new(),
        })
    }

    /// A place for a connection from `peer`, as soon as there is one; none where this client has
    /// its share already.
    pub async fn take(self: &Arc<ConnectionSlots>, peer: IpAddr) -> Option<ConnectionSlot> {
        let client = (!self.speaks_for_many(peer)).then(|| Client::of(peer));
        loop {
            match self.try_take(peer, client) {
                Ok(place) => return Some(place),
                Err(Refused::Share) => return None,
                Err(Refused::Full) => {}
            }
            let _ = timeout(LOOK_EVERY, self.freed.notified()).await;
        }
    }

    /// Asks all connections to end after their next answers.
    pub fn part(&self) {
        self.lock().all.values().for_each(|activity| activity.part());
    }

    /// Asks connections to end that have been idle for a while. On newer ones a request may be on
    /// its way.
    pub fn close_idle(&self) {
        let taken = self.lock();
        let is_idle = |activity: &Activity| {
            activity.idle_since().is_some_and(|since| since.elapsed() >= FRESH)
        };
        taken
            .all
            .values()
            .filter(|activity| is_idle(activity))
            .for_each(|activity| activity.leave());
    }

    /// Asks all connections to end after the requests that are under way.
    pub fn close(&self) {
        self.lock().all.values().for_each(|activity| activity.leave());
    }

    /// Proxies and programs on this machine have many clients behind them.
    fn speaks_for_many(&self, peer: IpAddr) -> bool {
        peer.to_canonical().is_loopback()
            || self.trusted_proxies.iter().any(|network| network.holds(peer))
    }

    fn try_take(
        self: &Arc<ConnectionSlots>,
        peer: IpAddr,
        client: Option<Client>,
    ) -> Result<ConnectionSlot, Refused> {
        let taken = &mut *self.lock();
        let share = (self.most / SHARE).max(1);
        if let Some(client) = client
            && taken.of_client.get(&client).is_some_and(|count| *count >= share)
        {
            taken.warn_of_share(client, share);
            return Err(Refused::Share);
        }
        let crowded = (self.most * CROWDED_PERCENT).div_ceil(100);
        // A hundredth more than must go, so that not each arrival looks at all.
        let more = self.most / 100;
        let is_full = taken.all.len() >= self.most;
        if let Some(count) = (taken.all.len() + 1).checked_sub(crowded).filter(|count| *count > 0) {
            taken.clear(count, more, if is_full { Duration::ZERO } else { FRESH });
        }
        if is_full {
            return Err(Refused::Full);
        }
        taken.last_id += 1;
        let (id, activity) = (taken.last_id, Arc::new(Activity::new()));
        taken.all.insert(id, activity.clone());
        if let Some(client) = client {
            *taken.of_client.entry(client).or_default() += 1;
        }
        Ok(ConnectionSlot { slots: self.clone(), id, client, peer, activity })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    /// Sees to it that `count` connections leave: where fewer do already, those that have been idle
    /// for longest, and `more`.
    fn clear(&self, count: usize, more: usize, fresh: Duration) {
        let leaving = self.all.values().filter(|activity| activity.is_leaving()).count();
        let Some(missing) = count.checked_sub(leaving).filter(|missing| *missing > 0) else {
            return;
        };
        let wanted = missing + more;
        let staying = self.all.values().filter(|activity| !activity.is_leaving());
        let mut idle: Vec<_> = staying
            .filter_map(|activity| {
                let since = activity.idle_since()?;
                (activity.has_answered() || since.elapsed() >= fresh).then_some((since, activity))
            })
            .collect();
        if idle.len() > wanted {
            idle.select_nth_unstable_by_key(wanted, |(since, _)| *since);
            idle.truncate(wanted);
        }
        for (_, activity) in idle {
            activity.leave();
        }
    }

    fn warn_of_share(&mut self, client: Client, share: usize) {
        if self.warned.is_none_or(|warned| warned.elapsed() >= WARN_EVERY) {
            self.warned = Some(Instant::now());
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
        let taken = &mut *self.slots.lock();
        taken.all.remove(&self.id);
        if let Some(client) = self.client
            && let Some(count) = taken.of_client.get_mut(&client)
        {
            *count -= 1;
            if *count == 0 {
                taken.of_client.remove(&client);
            }
        }
        self.slots.freed.notify_one();
    }
}
