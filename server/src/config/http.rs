//! Settings of the HTTP interface.

use std::net::IpAddr;

use clap::Args;
use taskwell_http::{Cors, Network};

use super::invalid::invalid;
use super::number::Within as _;

#[derive(Args)]
pub struct HttpFlags {
    /// The address to listen on.
    #[arg(long, env, default_value = "127.0.0.1")]
    host: IpAddr,

    /// The port to listen on. With 0, the system picks a free port.
    #[arg(long, env, default_value_t = 8000, within = 0..=u16::MAX)]
    port: u16,

    /// Base URL for links in mail, such as `https://tasks.example.org`. An `https://` URL also
    /// turns on HSTS.
    #[arg(long, env, default_value = "http://localhost:8000")]
    public_url: String,

    /// Origins that may call the API, separated by commas, or `*`. By default, the usual
    /// development servers on localhost.
    #[arg(long, env)]
    cors_origins: Option<String>,

    /// Proxies whose `X-Forwarded-For` header Taskwell trusts: addresses or networks, separated by
    /// commas. By default, none.
    #[arg(long, env, value_delimiter = ',')]
    pub trusted_proxies: Vec<Network>,

    /// Where to report vulnerabilities, for /.well-known/security.txt: `mailto:…` or `https://…`.
    #[arg(long, env)]
    security_contact: Option<String>,
}

impl HttpFlags {
    pub fn listen(&self) -> (IpAddr, u16) {
        (self.host, self.port)
    }

    /// The base URL without a slash at the end.
    pub fn public_url(&self) -> Result<String, String> {
        let url = &self.public_url;
        if !url.starts_with("http://") && !url.starts_with("https://") {
            let allowed = "the URL must start with http:// or https://";
            return Err(invalid("PUBLIC_URL", url, allowed));
        }
        Ok(url.trim_end_matches('/').to_owned())
    }

    pub fn cors(&self) -> Result<Cors, String> {
        match self.cors_origins.as_deref() {
            None => Ok(Cors::default()),
            Some(text) if text.trim() == "*" => Ok(Cors::Any),
            Some(text) => {
                let origins = text.split(',').map(str::trim).filter(|origin| !origin.is_empty());
                origins.map(origin).collect::<Result<_, _>>().map(Cors::Origins)
            }
        }
    }

    pub fn security_contact(&self) -> Result<Option<String>, String> {
        let is_valid =
            |contact: &str| contact.starts_with("mailto:") || contact.starts_with("https://");
        match &self.security_contact {
            Some(contact) if !is_valid(contact) => {
                let allowed = "the contact must start with mailto: or https://";
                Err(invalid("SECURITY_CONTACT", contact, allowed))
            }
            contact => Ok(contact.clone()),
        }
    }
}

/// One origin of `CORS_ORIGINS`, without a slash at the end.
fn origin(text: &str) -> Result<String, String> {
    let origin = text.trim_end_matches('/');
    let host = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    if host.is_some_and(|host| !host.is_empty() && host.chars().all(is_plain)) {
        return Ok(origin.to_owned());
    }
    let allowed = "allowed are * and origins such as https://app.example.org, separated by commas";
    Err(invalid("CORS_ORIGINS", text, allowed))
}
