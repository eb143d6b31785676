//! TLS to the server, as libpq's `sslmode` defines it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use tokio_postgres_rustls::MakeRustlsConnect;

/// The proof of identity that a server must give (PostgreSQL, "SSL Mode Descriptions").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Encryption only, without a proof.
    None,
    /// A certificate of a known authority, for any name.
    Authority,
    /// A certificate of a known authority, for this host.
    Host,
}

/// PEM files that a URL names.
#[derive(Debug, Clone, Default)]
pub struct Files {
    /// `sslrootcert`; without it, the system's authorities.
    pub authorities: Option<PathBuf>,
    /// `sslcert` and `sslkey`: the client's own certificate.
    pub certificate: Option<PathBuf>,
    pub key: Option<PathBuf>,
}

/// Creates a TLS connector.
///
/// # Errors
/// A file can't be read, or its contents are invalid.
pub fn connector(proof: Proof, files: &Files) -> Result<MakeRustlsConnect, String> {
    let provider = Arc::new(ring::default_provider());
    let inner = match proof {
        Proof::None => None,
        Proof::Authority | Proof::Host => {
            let roots = Arc::new(roots(files.authorities.as_deref())?);
            let verifier =
                WebPkiServerVerifier::builder_with_provider(roots, provider.clone()).build();
            Some(verifier.map_err(|e| format!("sslrootcert: {e}"))?)
        }
    };
    let verifier = Verifier { proof, inner, provider: provider.clone() };
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    Ok(MakeRustlsConnect::new(match (&files.certificate, &files.key) {
        (None, None) => config.with_no_client_auth(),
        (Some(certificate), Some(key)) => {
            let own = own_certificate(certificate, key, &provider)?;
            config.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(own)))
        }
        (Some(_), None) => {
            return Err("sslcert requires sslkey, the file with its private key".into());
        }
        (None, Some(_)) => {
            return Err("sslkey requires sslcert, the file with its certificate".into());
        }
    }))
}

/// Loads the client's own certificate. Only the server judges it, and the server also accepts
/// certificates of X.509 version 1.
fn own_certificate(
    chain: &Path,
    key: &Path,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, String> {
    let wrong = |name: &str, file: &Path, e: &dyn std::fmt::Display| {
        format!("{name}={}: {e}", file.display())
    };
    let in_chain = |e: &dyn std::fmt::Display| wrong("sslcert", chain, e);
    let certificates = CertificateDer::pem_file_iter(chain).map_err(|e| in_chain(&e))?;
    let certificates: Vec<_> = certificates.collect::<Result<_, _>>().map_err(|e| in_chain(&e))?;
    if certificates.is_empty() {
        return Err(in_chain(&"the file contains no certificate"));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|e| wrong("sslkey", key, &e))?;
    let signs =
        provider.key_provider.load_private_key(private).map_err(|e| wrong("sslkey", key, &e))?;
    Ok(CertifiedKey::new(certificates, signs))
}

/// Returns the authorities of a file, or the system's.
fn roots(file: Option<&Path>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let Some(file) = file else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(roots);
    };
    let wrong = |e: &dyn std::fmt::Display| format!("sslrootcert={}: {e}", file.display());
    for certificate in CertificateDer::pem_file_iter(file).map_err(|e| wrong(&e))? {
        roots.add(certificate.map_err(|e| wrong(&e))?).map_err(|e| wrong(&e))?;
    }
    if roots.is_empty() { Err(wrong(&"the file contains no certificate")) } else { Ok(roots) }
}

#[derive(Debug)]
struct Verifier {
    proof: Proof,
    /// Verifies the authority and the host.
    inner: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        host: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(inner) = &self.inner else {
            return Ok(ServerCertVerified::assertion());
        };
        match inner.verify_server_cert(certificate, others, host, ocsp, now) {
            // The name is checked last, so everything else is valid.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.proof == Proof::Authority => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        // An unverified certificate may be unreadable, so its signature is not checked.
        if self.proof == Proof::None {
            return Ok(HandshakeSignatureValid::assertion());
        }
        let known = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if self.proof == Proof::None {
            return Ok(HandshakeSignatureValid::assertion());
        }
        let known = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
