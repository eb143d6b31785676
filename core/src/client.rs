//! The client of a request.

use std::hash::{Hash, Hasher};
use std::net::IpAddr;

use crate::clock::hex;

/// A client, identified by its address. A client usually controls the lower 64 bits of an IPv6
/// address, so two addresses that differ only there are equal.
#[derive(Debug, Clone, Copy)]
pub struct Client {
    address: IpAddr,
    network: [u8; 8],
}

impl Client {
    pub fn of(address: IpAddr) -> Client {
        let address = address.to_canonical();
        let mut network = [0; 8];
        match address {
            IpAddr::V4(address) => network[4..].copy_from_slice(&address.octets()),
            IpAddr::V6(address) => network.copy_from_slice(&address.octets()[..8]),
        }
        Client { address, network }
    }

    /// Returns the network, the part that identifies the client, in hexadecimal.
    pub(crate) fn network(&self) -> String {
        hex(&self.network)
    }

    pub fn address(&self) -> IpAddr {
        self.address
    }
}

impl PartialEq for Client {
    fn eq(&self, other: &Client) -> bool {
        self.network == other.network
    }
}

impl Eq for Client {}

impl Hash for Client {
    fn hash<H: Hasher>(&self, to: &mut H) {
        self.network.hash(to);
    }
}
