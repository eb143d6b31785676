//! Which pages of other origins may call.

use taskwell_http::Cors;

use super::refused::{Refused, refused};

/// Reads `CORS_ORIGINS`.
pub fn read(origins: Option<&str>) -> Result<Cors, Refused> {
    let Some(text) = origins else {
        return Ok(Cors::default());
    };
    if text.trim() == "*" {
        return Ok(Cors::Any);
    }
    let mut list = Vec::new();
    for origin in text.split(',').map(str::trim).filter(|origin| !origin.is_empty()) {
        let host = origin
            .strip_prefix("http://")
            .or_else(|| origin.strip_prefix("https://"))
            .map(|rest| rest.trim_end_matches('/'));
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
        match host {
            Some(host) if !host.is_empty() && host.chars().all(plain) => {
                list.push(origin.trim_end_matches('/').to_owned());
            }
            _ => {
                return Err(refused(
                    "CORS_ORIGINS",
                    origin,
                    "allowed are * and origins such as https://app.example.org, separated by \
                     commas",
                ));
            }
        }
    }
    Ok(Cors::Origins(list))
}
