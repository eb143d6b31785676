//! Access tokens: JWTs (RFC 7519, RFC 8725), and the keys that sign and verify them. The store
//! decides whether a session is live.

mod provider;

use std::sync::Arc;

use arc_swap::ArcSwap;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use ring::{digest, hmac};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::hex;
use crate::error::{AuthError, Error, Result};
use crate::ids::UserId;
use crate::settings::Signing;
use crate::time::Timestamp;

/// Minimum length of a secret: that of the hash (RFC 7518, section 3.2).
pub const SECRET_BYTES_MIN: usize = 32;
/// How far ahead the clock of the instance that signed a token may be.
const CLOCK_SKEW_S: i64 = 300;
/// Maximum length of a token. Longer ones are refused unread.
const TOKEN_BYTES_MAX: usize = 4096;
/// The random part of a token's id.
const JTI_BYTES: usize = 16;
const ISSUER: &str = "taskwell";
/// The audience: this API, and no other program that trusts the same key (RFC 8725, section 3.9).
const AUDIENCE: &str = "taskwell-api";

/// The keys. The first one signs, all of them verify. Each secret yields one key per algorithm, so
/// that a change of the algorithm does not log anybody out either. Cheap to clone; all clones
/// change together.
#[derive(Clone)]
pub struct Keys(Arc<ArcSwap<Parts>>);

struct Parts {
    /// The key that signs, then the keys that only verify.
    keys: Vec<Key>,
    public: Vec<PublicKey>,
    refresh: hmac::Key,
    /// One key per secret.
    requests: Vec<hmac::Key>,
}

/// A key for one algorithm. The key determines the algorithm, never the token (RFC 8725, section
/// 3.1).
struct Key {
    id: String,
    /// The encoded header of each token that this key signs.
    written: String,
    /// The same, decoded.
    header: Header,
    sign: EncodingKey,
    verify: DecodingKey,
    rules: Validation,
}

/// A public key of a JWK Set (RFC 7517, RFC 8037).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    pub id: String,
    /// The Ed25519 public key.
    pub x: [u8; 32],
}

/// The contents of an access token whose signature and times were checked. Its session has not been
/// checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    pub(crate) user: UserId,
    pub(crate) user_uuid: Uuid,
    pub(crate) session: Uuid,
    pub(crate) expires_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Payload {
    iss: String,
    aud: String,
    /// The user's UUID.
    sub: Uuid,
    /// The user's integer id, which saves the session check a query.
    uid: i64,
    /// The session.
    sid: Uuid,
    /// Distinguishes two tokens of one session that are issued within one second.
    jti: String,
    iat: i64,
    exp: i64,
    /// Taskwell never sets it, but another program that signs with the key may (RFC 7519, section
    /// 4.1.5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
}

impl Payload {
    fn is_in_time(&self, now: Timestamp) -> bool {
        let now = now.as_seconds();
        self.exp > now && self.nbf.is_none_or(|nbf| nbf <= now) && self.iat <= now + CLOCK_SKEW_S
    }
}

impl Keys {
    /// Derives the keys from `secrets`. The first secret signs.
    ///
    /// # Errors
    /// There is no secret, or one is shorter than 32 bytes.
    pub fn new(secrets: &[&[u8]], signing: Signing) -> Result<Keys> {
        Ok(Keys(Arc::new(ArcSwap::from_pointee(Parts::new(secrets, signing)?))))
    }

    /// Replaces the secrets.
    ///
    /// # Errors
    /// As [`Keys::new`]. The keys then stay unchanged.
    pub fn replace(&self, secrets: &[&[u8]], signing: Signing) -> Result<()> {
        self.0.store(Arc::new(Parts::new(secrets, signing)?));
        Ok(())
    }

    /// Returns the public keys that verify the tokens; none if a secret signs them.
    pub fn public(&self) -> Vec<PublicKey> {
        self.0.load().public.clone()
    }

    /// Derives the successor of a refresh token. A repeated request thus gets the same successor,
    /// although the store holds no plain text of it.
    pub(super) fn successor(&self, token: &str) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(hmac::sign(&self.0.load().refresh, token.as_bytes()).as_ref());
        bytes
    }

    /// Returns MACs of a text, which are safe to store because they do not reveal the text: first
    /// by the current secret, then by the older ones.
    pub(crate) fn macs(&self, text: &[u8]) -> Vec<[u8; 32]> {
        let seal = |key| hmac::sign(key, text);
        self.0.load().requests.iter().filter_map(|key| seal(key).as_ref().try_into().ok()).collect()
    }

    /// Issues a token for `session` that is valid until `expires_at`. `secret` becomes its `jti`.
    /// The transaction draws it, so a replayed use case issues the same token.
    pub(super) fn issue(
        &self,
        user: (UserId, Uuid),
        session: Uuid,
        secret: &[u8; 32],
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<String> {
        let payload = Payload {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: user.1,
            uid: user.0.0,
            sid: session,
            jti: hex(&secret[..JTI_BYTES]),
            iat: now.as_seconds(),
            exp: expires_at.as_seconds(),
            nbf: None,
        };
        self.0.load().keys[0].sign(&payload)
    }

    /// Returns the contents of a token whose signature and times are valid.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Claims> {
        let bad = Error::Unauthenticated(AuthError::BadToken);
        if token.len() > TOKEN_BYTES_MAX {
            return Err(bad);
        }
        let parts = self.0.load();
        let key = parts.named_by(token).ok_or(bad.clone())?;
        match jsonwebtoken::decode::<Payload>(token, &key.verify, &key.rules) {
            Ok(token) if token.claims.is_in_time(now) => Ok(Claims {
                user: UserId(token.claims.uid),
                user_uuid: token.claims.sub,
                session: token.claims.sid,
                expires_at: Timestamp::from_micros(token.claims.exp.saturating_mul(1_000_000)),
            }),
            _ => Err(bad),
        }
    }
}

impl Parts {
    fn new(secrets: &[&[u8]], signing: Signing) -> Result<Parts> {
        let first = secrets.first().ok_or_else(|| Error::Internal("there is no secret".into()))?;
        if let Some(short) = secrets.iter().find(|secret| secret.len() < SECRET_BYTES_MIN) {
            return Err(Error::Internal(format!(
                "a token secret has {} bytes, but at least {SECRET_BYTES_MIN} are required",
                short.len()
            )));
        }
        provider::install();
        let mut keys = Vec::new();
        let mut public = Vec::new();
        for secret in secrets {
            let (ed, x) = Key::ed25519(secret)?;
            public.push(PublicKey { id: ed.id.clone(), x });
            let (now, before) = match signing {
                Signing::Hs256 => (Key::hs256(secret)?, ed),
                Signing::EdDsa => (ed, Key::hs256(secret)?),
            };
            keys.extend([now, before]);
        }
        if signing == Signing::Hs256 {
            public.clear();
        }
        let refresh = hmac::Key::new(hmac::HMAC_SHA256, derived(first, "refresh tokens").as_ref());
        let requests = secrets.iter().map(|secret| derived(secret, "requests"));
        let requests =
            requests.map(|key| hmac::Key::new(hmac::HMAC_SHA256, key.as_ref())).collect();
        Ok(Parts { keys, public, refresh, requests })
    }

    /// Returns the key whose header the token has. A header with additional or different members
    /// matches no key: `crit`, `jku` and `jwk` are never interpreted (RFC 7515, section 4.1.11; RFC
    /// 8725, section 3.10).
    fn named_by(&self, token: &str) -> Option<&Key> {
        // A header exactly as Taskwell writes it needs no decoding.
        let written = token.split_once('.')?.0;
        if let Some(key) = self.keys.iter().find(|key| key.written == written) {
            return Some(key);
        }
        let header = jsonwebtoken::decode_header(token).ok()?;
        self.keys.iter().find(|key| key.header == header)
    }
}

impl Key {
    fn hs256(secret: &[u8]) -> Result<Key> {
        let id = name(derived(secret, "the name of an HS256 key").as_ref());
        let key = Key {
            header: header(Algorithm::HS256, &id),
            id,
            written: String::new(),
            sign: EncodingKey::from_secret(secret),
            verify: DecodingKey::from_secret(secret),
            rules: rules(Algorithm::HS256),
        };
        key.with_header()
    }

    fn ed25519(secret: &[u8]) -> Result<(Key, [u8; 32])> {
        let seed = derived(secret, "Ed25519");
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_ref())
            .map_err(|e| Error::internal("making an Ed25519 key", e))?;
        let mut x = [0; 32];
        x.copy_from_slice(pair.public_key().as_ref());
        let id = name(&x);
        let key = Key {
            header: header(Algorithm::EdDSA, &id),
            id,
            written: String::new(),
            // `provider` interprets these bytes, as the seed and the public key.
            sign: EncodingKey::from_ed_der(seed.as_ref()),
            verify: DecodingKey::from_ed_der(&x),
            rules: rules(Algorithm::EdDSA),
        };
        Ok((key.with_header()?, x))
    }

    fn with_header(self) -> Result<Key> {
        let token = self.sign(&serde_json::Map::new())?;
        let written = token.split('.').next().unwrap_or("").to_owned();
        Ok(Key { written, ..self })
    }

    fn sign(&self, payload: &impl Serialize) -> Result<String> {
        let signed = jsonwebtoken::encode(&self.header, payload, &self.sign);
        signed.map_err(|e| Error::internal("signing a token", e))
    }
}

fn header(algorithm: Algorithm, id: &str) -> Header {
    Header { kid: Some(id.to_owned()), ..Header::new(algorithm) }
}

fn rules(algorithm: Algorithm) -> Validation {
    let mut rules = Validation::new(algorithm);
    rules.set_issuer(&[ISSUER]);
    rules.set_audience(&[AUDIENCE]);
    rules.set_required_spec_claims(&["exp", "iss", "sub", "aud"]);
    // `verify` checks the expiry, with the clock of the caller.
    rules.validate_exp = false;
    rules
}

/// Derives a key for one use. It reveals neither the secret nor the other keys.
fn derived(secret: &[u8], usage: &str) -> hmac::Tag {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    hmac::sign(&key, format!("taskwell: {usage}").as_bytes())
}

fn name(bytes: &[u8]) -> String {
    hex(&digest::digest(&digest::SHA256, bytes).as_ref()[..8])
}
