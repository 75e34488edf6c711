//! Signing secrets at rest.
//!
//! This is envelope encryption. KMS makes a data key and wraps it. The wrapped key is stored in the registry. The plain key is
//! only in the memory of a running function. Secrets are sealed with the data key by AES-256-GCM. They are bound to their
//! organization and endpoint as associated data, so a ciphertext that was moved to another endpoint does not open. A sealed
//! secret names the version of its data key. The newest version seals, and every older one still opens.
//!
//! A function calls KMS once for each data key in its lifetime, and never for a delivery.
#![warn(missing_docs)]

mod cipher;

use std::{collections::HashMap, sync::Arc};

use aws::SdkConfig;
use aws_sdk_kms::{Client, primitives::Blob, types::DataKeySpec};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use domain::{
    Timestamp,
    ids::{EndpointId, OrganizationId},
    secret::{SealedSecret, SigningSecret},
};
use storage::{DataKey, Registry};
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use cipher::Cipher;

/// KMS binds a wrapped data key to this. It unwraps the key only when it is told the same.
const PURPOSE: (&str, &str) = ("purpose", "webhook-signing-secrets");

/// Why a secret could not be sealed or opened. This is never the caller's fault. The text is for logs alone, and has no secret
/// in it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// KMS did not answer or refused.
    #[error(transparent)]
    Aws(#[from] aws::Fault),
    /// The data keys could not be read or written.
    #[error(transparent)]
    Storage(#[from] storage::Error),
    /// A sealed secret names a data key that is not in the registry.
    #[error("data key {0} does not exist")]
    NoSuchDataKey(u32),
    /// The ciphertext was changed, or belongs to another endpoint.
    #[error("a sealed secret does not open for {0}")]
    DoesNotOpen(EndpointId),
    /// The system has no randomness.
    #[error("no randomness")]
    NoRandomness,
}

/// Seals and opens signing secrets.
#[derive(Clone)]
pub struct Vault {
    kms: Client,
    kms_key: String,
    registry: Registry,
    ciphers: Arc<Mutex<Ciphers>>,
}

#[derive(Default)]
struct Ciphers {
    by_version: HashMap<u32, Arc<Cipher>>,
    newest: Option<u32>,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault")
    }
}

impl Vault {
    /// A vault with this KMS key. Its data keys are in the registry.
    pub fn new(config: &SdkConfig, kms_key: String, registry: Registry) -> Self {
        Self { kms: Client::new(config), kms_key, registry, ciphers: Arc::default() }
    }

    /// Seals a secret for one endpoint, with the newest data key. If there is none, it makes one.
    pub async fn seal(
        &self,
        organization: OrganizationId,
        endpoint: EndpointId,
        secret: &SigningSecret,
        now: Timestamp,
    ) -> Result<SealedSecret, Error> {
        let binding = secret_binding(organization, endpoint);
        Ok(SealedSecret(self.seal_text(secret.reveal(), &binding, now).await?))
    }

    /// Opens a secret that was sealed for this endpoint.
    pub async fn open(
        &self,
        organization: OrganizationId,
        endpoint: EndpointId,
        sealed: &SealedSecret,
    ) -> Result<SigningSecret, Error> {
        let opened = self.open_text(&sealed.0, &secret_binding(organization, endpoint)).await?;
        opened.map(SigningSecret::from_stored).ok_or(Error::DoesNotOpen(endpoint))
    }

    /// Seals a text that a caller takes and brings back, such as a cursor. `binding` says what it is good for.
    pub async fn seal_text(&self, text: &str, binding: &str, now: Timestamp) -> Result<String, Error> {
        let (version, cipher) = self.newest_cipher(now).await?;
        let sealed = cipher.seal(text, binding).ok_or(Error::NoRandomness)?;
        Ok(format!("{version}.{}", URL_SAFE_NO_PAD.encode(sealed)))
    }

    /// Opens such a text. `None` if it was changed, or is bound to something else.
    pub async fn open_text(&self, sealed: &str, binding: &str) -> Result<Option<Zeroizing<String>>, Error> {
        let Some((version, base64)) = sealed.split_once('.') else {
            return Ok(None);
        };
        // Only one spelling of a version opens. A text that was changed must not open, not even if the change is a zero in
        // front.
        let canonical = !version.starts_with(['0', '+']);
        let (true, Ok(version), Ok(bytes)) = (canonical, version.parse(), URL_SAFE_NO_PAD.decode(base64))
        else {
            return Ok(None);
        };
        match self.cipher(version).await {
            Ok(cipher) => Ok(cipher.open(bytes, binding)),
            Err(Error::NoSuchDataKey(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes a new data key, and returns its version. Every function that starts from now on seals with it.
    pub async fn rotate(&self, now: Timestamp) -> Result<u32, Error> {
        let newest = self.registry.newest_data_key().await?;
        self.make_data_key(newest.map_or(1, |key| key.version + 1), now).await
    }

    async fn newest_cipher(&self, now: Timestamp) -> Result<(u32, Arc<Cipher>), Error> {
        let known = self.ciphers.lock().await.newest;
        let version = match known {
            Some(version) => version,
            None => match self.registry.newest_data_key().await? {
                Some(key) => key.version,
                None => self.make_data_key(1, now).await?,
            },
        };
        let cipher = self.cipher(version).await?;
        self.ciphers.lock().await.newest = Some(version);
        Ok((version, cipher))
    }

    async fn cipher(&self, version: u32) -> Result<Arc<Cipher>, Error> {
        // The lock is held during the KMS call on purpose. So the deliveries of a function that just started make one call
        // together.
        let mut ciphers = self.ciphers.lock().await;
        if let Some(cipher) = ciphers.by_version.get(&version) {
            return Ok(Arc::clone(cipher));
        }
        let key = self.registry.data_key(version).await?.ok_or(Error::NoSuchDataKey(version))?;
        let cipher = Arc::new(self.unwrap(&key).await?);
        ciphers.by_version.insert(version, Arc::clone(&cipher));
        Ok(cipher)
    }

    async fn make_data_key(&self, version: u32, now: Timestamp) -> Result<u32, Error> {
        let call = self.kms.generate_data_key_without_plaintext().key_id(&self.kms_key);
        let call = call.key_spec(DataKeySpec::Aes256).encryption_context(PURPOSE.0, PURPOSE.1);
        let answer =
            call.send().await.map_err(|error| aws::Fault::of("GenerateDataKeyWithoutPlaintext", &error))?;
        let wrapped = STANDARD.encode(answer.ciphertext_blob().map(Blob::as_ref).unwrap_or_default());
        // This is false if another function made the same version at the same time. Then that one counts.
        self.registry.create_data_key(&DataKey { version, wrapped, created_at: now }).await?;
        Ok(version)
    }

    async fn unwrap(&self, key: &DataKey) -> Result<Cipher, Error> {
        let broken = || Error::NoSuchDataKey(key.version);
        let wrapped = STANDARD.decode(&key.wrapped).map_err(|_| broken())?;
        let call = self.kms.decrypt().key_id(&self.kms_key).ciphertext_blob(Blob::new(wrapped));
        let call = call.encryption_context(PURPOSE.0, PURPOSE.1);
        let answer = call.send().await.map_err(|error| aws::Fault::of("Decrypt", &error))?;
        let plain = answer.plaintext.map(|blob| Zeroizing::new(blob.into_inner())).ok_or_else(broken)?;
        Cipher::new(&plain).ok_or_else(broken)
    }
}

/// What a secret's ciphertext is tied to.
fn secret_binding(organization: OrganizationId, endpoint: EndpointId) -> String {
    format!("secret/{organization}/{endpoint}")
}
