//! Access tokens: JWTs signed with HS256 (RFC 7519, RFC 8725). What a session is, and whether it lives, is the store's.

use std::sync::Once;

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, EncodingKey, Header, Validation};
use ring::hmac;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::{hex, random_bytes};
use crate::error::{Error, Result, Unproven};
use crate::time::Timestamp;
use crate::users::UserId;

/// The shortest secret that is taken: as long as the hash (RFC 7518, section 3.2).
pub const SECRET_BYTES_MIN: usize = 32;
/// The longest token that is looked at.
const TOKEN_BYTES_MAX: usize = 4096;
const ISSUER: &str = "taskwell";

/// The key that signs and verifies.
#[derive(Clone)]
pub struct Keys {
    sign: EncodingKey,
    verify: DecodingKey,
    rules: Validation,
}

/// What an access token says, after its signature and its time were checked. Its session has not been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    pub(crate) user: UserId,
    pub(crate) user_uuid: Uuid,
    pub(crate) session: Uuid,
}

#[derive(Serialize, Deserialize)]
struct Payload {
    iss: String,
    /// The user's UUID.
    sub: Uuid,
    /// The user's integer id, which saves the session check a look-up.
    uid: i64,
    /// The session.
    sid: Uuid,
    /// Makes each token another one, even within one second.
    jti: String,
    iat: i64,
    exp: i64,
}

impl Keys {
    /// # Errors
    /// The secret is shorter than 32 bytes.
    pub fn new(secret: &[u8]) -> Result<Keys> {
        if secret.len() < SECRET_BYTES_MIN {
            return Err(Error::Internal(format!(
                "the secret has {} bytes, at least {SECRET_BYTES_MIN} are needed",
                secret.len()
            )));
        }
        install_ring();
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_issuer(&[ISSUER]);
        rules.set_required_spec_claims(&["exp", "iss", "sub"]);
        // Compared below, with the clock that all else goes by.
        rules.validate_exp = false;
        Ok(Keys { sign: EncodingKey::from_secret(secret), verify: DecodingKey::from_secret(secret), rules })
    }

    /// A token for `session` that is good until `expires_at`.
    pub(super) fn issue(
        &self,
        user: (UserId, Uuid),
        session: Uuid,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<String> {
        let payload = Payload {
            iss: ISSUER.to_owned(),
            sub: user.1,
            uid: user.0.0,
            sid: session,
            jti: hex(&random_bytes::<16>()?),
            iat: now.as_seconds(),
            exp: expires_at.as_seconds(),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &payload, &self.sign)
            .map_err(|e| Error::internal("signing a token", e))
    }

    /// What a token says, if we signed it and its time is not over.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Claims> {
        let bad = Error::Unauthenticated(Unproven::BadToken);
        if token.len() > TOKEN_BYTES_MAX {
            return Err(bad);
        }
        match jsonwebtoken::decode::<Payload>(token, &self.verify, &self.rules) {
            Ok(token) if token.claims.exp > now.as_seconds() => Ok(Claims {
                user: UserId(token.claims.uid),
                user_uuid: token.claims.sub,
                session: token.claims.sid,
            }),
            _ => Err(bad),
        }
    }
}

/// jsonwebtoken leaves the cryptography to its user; ring is in the tree already and brings no RSA.
fn install_ring() {
    static PROVIDER: CryptoProvider = CryptoProvider {
        signer_factory: |algorithm, key| Ok(Box::new(Hs256::new(*algorithm, key.family(), key.as_bytes())?)),
        verifier_factory: |algorithm, key| {
            Ok(Box::new(Hs256::new(*algorithm, key.family(), key.try_get_as_bytes()?)?))
        },
        key_utils: KeyUtils::new_unimplemented(),
    };
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Another provider can only be there if somebody linked one in; both do HMAC.
        let _ = PROVIDER.install_default();
    });
}

struct Hs256(hmac::Key);

impl Hs256 {
    fn new(
        algorithm: Algorithm,
        family: AlgorithmFamily,
        secret: &[u8],
    ) -> jsonwebtoken::errors::Result<Hs256> {
        if algorithm != Algorithm::HS256 || family != AlgorithmFamily::Hmac {
            return Err(ErrorKind::InvalidAlgorithm.into());
        }
        Ok(Hs256(hmac::Key::new(hmac::HMAC_SHA256, secret)))
    }
}

impl signature::Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        Ok(hmac::sign(&self.0, message).as_ref().to_vec())
    }
}

impl signature::Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        hmac::verify(&self.0, message, signature).map_err(|_| signature::Error::new())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}
