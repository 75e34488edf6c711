//! The data keys that signing secrets are sealed with, wrapped by KMS.

use domain::Timestamp;
use serde::{Deserialize, Serialize};

use super::Registry;
use crate::{
    Error,
    table::{Condition, Key},
};

const PARTITION: &str = "DATA_KEYS";
const PREFIX: &str = "VERSION#";

/// A data key in the form that KMS wrapped it in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataKey {
    /// 1 for the first. The key with the greatest version seals. All of them open.
    pub version: u32,
    /// The base64 of KMS's ciphertext.
    pub wrapped: String,
    /// When it was made.
    pub created_at: Timestamp,
}

fn key(version: u32) -> Key {
    // Padded, so that the order of the text is the order of the numbers.
    Key::new(PARTITION, format!("{PREFIX}{version:010}"))
}

impl Registry {
    /// The data key of this version.
    pub async fn data_key(&self, version: u32) -> Result<Option<DataKey>, Error> {
        self.table.get(&key(version)).await
    }

    /// The newest data key. It is the one that seals.
    pub async fn newest_data_key(&self) -> Result<Option<DataKey>, Error> {
        Ok(self.table.newest(PARTITION, PREFIX, None, 1).await?.pop())
    }

    /// Writes a data key. False if another process wrote one of this version at the same time.
    pub async fn create_data_key(&self, data_key: &DataKey) -> Result<bool, Error> {
        self.table.put_if(&key(data_key.version), data_key, Condition::absent()).await
    }
}
