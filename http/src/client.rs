//! The client of a request: the peer of the connection, or the address that trusted proxies report.

use std::convert::Infallible;
use std::net::IpAddr;
use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;
use ipnet::IpNet;
use taskwell_core::app::App;
use taskwell_core::client::Client;
use taskwell_core::idempotency::IdempotentRequest;
use taskwell_core::sessions::LoginContext;

/// The peer of the connection. The code that accepts it adds this to each request.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

/// A network such as `10.0.0.0/8`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(IpNet);

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Network, String> {
        let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        network
            .map(Network)
            .map_err(|_| "allowed are IP addresses and networks, such as 10.0.0.0/8".to_owned())
    }
}

impl Network {
    /// Whether the network contains `address`.
    pub fn holds(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

/// Returns the address of the client behind `peer`. Each trusted proxy appends the address of its
/// own peer to `X-Forwarded-For`. Entries from untrusted peers are ignored.
pub fn address(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.holds(address));
    let mut client = peer;
    if !is_trusted(peer) {
        return client;
    }
    let values = headers.get_all("x-forwarded-for").iter().rev();
    let hops = values.flat_map(|value| value.to_str().unwrap_or("?").rsplit(',').map(str::trim));
    for hop in hops {
        let Ok(address) = hop.parse() else {
            break;
        };
        client = address;
        if !is_trusted(address) {
            break;
        }
    }
    client
}

/// The sender of a request without a token, as far as HTTP identifies it.
pub struct Visitor {
    client: Option<Client>,
    user_agent: Option<String>,
    once: Option<IdempotentRequest>,
}

impl Visitor {
    pub fn client(&self) -> Option<Client> {
        self.client
    }

    /// Converts into a login context. `short` is true for logins of contract 000.
    pub fn login_context(self, short: bool) -> LoginContext {
        LoginContext {
            short,
            client: self.client,
            user_agent: self.user_agent,
            code: None,
            once: self.once,
        }
    }
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Visitor, Infallible> {
        let agent = parts.headers.get(USER_AGENT);
        Ok(Visitor {
            client: parts.extensions.get::<Client>().copied(),
            user_agent: agent.map(|agent| String::from_utf8_lossy(agent.as_bytes()).into_owned()),
            once: parts.extensions.get::<IdempotentRequest>().cloned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_are_believed_and_each_only_about_who_spoke_to_it() {
        let trusted: Vec<Network> =
            ["10.0.0.0/8", "127.0.0.1", "fd00::/8"].map(|text| text.parse().unwrap()).to_vec();
        for (peer, forwarded, client) in [
            ("192.0.2.1", "203.0.113.9", "192.0.2.1"),
            ("10.1.2.3", "203.0.113.9", "203.0.113.9"),
            ("10.1.2.3", "198.51.100.7, 203.0.113.9", "203.0.113.9"),
            ("10.1.2.3", "198.51.100.7, 203.0.113.9, 10.9.9.9", "203.0.113.9"),
            ("10.1.2.3", "10.0.0.1, 10.0.0.2", "10.0.0.1"),
            ("10.1.2.3", "203.0.113.9, rubbish", "10.1.2.3"),
            ("::ffff:10.1.2.3", "2001:db8::1", "2001:db8::1"),
            ("fd12::1", "2001:db8::1", "2001:db8::1"),
            ("127.0.0.1", "", "127.0.0.1"),
            ("127.0.0.2", "203.0.113.9", "127.0.0.2"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", forwarded.parse().unwrap());
            let found = address(peer.parse().unwrap(), &headers, &trusted);
            assert_eq!(found, client.parse::<IpAddr>().unwrap(), "{peer} {forwarded}");
        }
        assert!("10.0.0.0/33".parse::<Network>().is_err() && "x".parse::<Network>().is_err());
        assert!("0.0.0.0/0".parse::<Network>().unwrap().holds("192.0.2.1".parse().unwrap()));
    }
}
