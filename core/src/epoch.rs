//! Epochs of the store. Restoring a backup begins a new epoch, because a number of an account's
//! sequence may have denoted another change in the previous one.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An epoch: 0 in a store that was never restored, random afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Epoch(u32);

impl Epoch {
    pub const FIRST: Epoch = Epoch(0);

    /// Returns an epoch other than the first, from random bytes.
    pub(crate) fn from_random([a, b, c, d, ..]: [u8; 32]) -> Epoch {
        Epoch(u32::from_be_bytes([a, b, c, d]).max(1))
    }

    pub(crate) fn stored(self) -> i64 {
        i64::from(self.0)
    }

    pub(crate) fn from_stored(number: i64) -> Option<Epoch> {
        u32::try_from(number).ok().map(Epoch)
    }
}

/// A number of an account's sequence with its epoch: `17` in the first epoch, `1a2b3c4d-17` in
/// another. Entity tags and the cursors of `/changes` and `/events` have this format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    pub epoch: Epoch,
    pub number: i64,
}

impl Stamp {
    pub fn parse(text: &str) -> Option<Stamp> {
        let (epoch, digits) = match text.split_once('-') {
            Some((epoch, digits)) => {
                let is_hex = epoch.len() == 8 && epoch.bytes().all(|b| b.is_ascii_hexdigit());
                (u32::from_str_radix(epoch, 16).ok().filter(|_| is_hex)?, digits)
            }
            None => (0, text),
        };
        let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        let number = digits.parse().ok().filter(|_| is_number)?;
        Some(Stamp { epoch: Epoch(epoch), number })
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.epoch {
            Epoch::FIRST => write!(f, "{}", self.number),
            Epoch(epoch) => write!(f, "{epoch:08x}-{}", self.number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_as_it_is_printed() {
        for text in ["0", "17", "9223372036854775807", "1a2b3c4d-17", "00000001-0"] {
            assert_eq!(Stamp::parse(text).unwrap().to_string(), text);
        }
        for text in [
            "",
            "-1",
            "a",
            "1a2b3c4-17",
            "1a2b3c4d5-17",
            "1a2b3c4d-",
            "1a2b3c4d-x",
            "+1a2b3c4-1",
            "9223372036854775808",
        ] {
            assert!(Stamp::parse(text).is_none(), "{text}");
        }
    }
}
