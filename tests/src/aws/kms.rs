//! One KMS key: wraps data keys, and unwraps them only for the encryption context that they were wrapped with.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    rand::{SecureRandom, SystemRandom},
};
use serde_json::{Value, json};

use super::refusal::Refusal;

pub(super) const KEY_ARN: &str =
    "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555";

#[derive(Debug)]
pub(super) struct Kms {
    key: LessSafeKey,
}

impl Kms {
    pub(super) fn new() -> Self {
        let key = UnboundKey::new(&AES_256_GCM, &random::<32>()).unwrap();
        Self { key: LessSafeKey::new(key) }
    }

    pub(super) fn handle(&self, operation: &str, request: &Value) -> Result<Value, Refusal> {
        if request.get("KeyId").is_some_and(|id| id != KEY_ARN) {
            return Err(Refusal::new("NotFoundException", "no such key"));
        }
        match operation {
            "GenerateDataKeyWithoutPlaintext" => Ok(self.generate(request)),
            "Decrypt" => self.decrypt(request),
            _ => Err(Refusal::unknown_operation(operation)),
        }
    }

    fn generate(&self, request: &Value) -> Value {
        assert_eq!(request["KeySpec"], "AES_256");
        let (nonce, mut wrapped) = (random::<NONCE_LEN>(), random::<32>().to_vec());
        let sealing = Nonce::assume_unique_for_key(nonce);
        self.key.seal_in_place_append_tag(sealing, context(request), &mut wrapped).unwrap();
        json!({ "KeyId": KEY_ARN, "CiphertextBlob": STANDARD.encode([nonce.as_slice(), &wrapped].concat()) })
    }

    fn decrypt(&self, request: &Value) -> Result<Value, Refusal> {
        let refused = || Refusal::new("InvalidCiphertextException", "");
        let mut blob = request["CiphertextBlob"]
            .as_str()
            .and_then(|text| STANDARD.decode(text).ok())
            .ok_or_else(refused)?;
        let (nonce, wrapped) = blob.split_at_mut_checked(NONCE_LEN).ok_or_else(refused)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| refused())?;
        let plain = self.key.open_in_place(nonce, context(request), wrapped).map_err(|_| refused())?;
        Ok(
            json!({ "KeyId": KEY_ARN, "Plaintext": STANDARD.encode(plain), "EncryptionAlgorithm": "SYMMETRIC_DEFAULT" }),
        )
    }
}

fn context(request: &Value) -> Aad<Vec<u8>> {
    let pairs = request["EncryptionContext"].as_object().into_iter().flatten();
    let sorted: BTreeMap<_, _> = pairs.collect();
    Aad::from(serde_json::to_vec(&sorted).unwrap())
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).unwrap();
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_key_is_unwrapped_only_for_its_own_context() {
        let kms = Kms::new();
        let wrapping =
            json!({ "KeyId": KEY_ARN, "KeySpec": "AES_256", "EncryptionContext": { "a": "1", "b": "2" } });
        let wrapped = kms.handle("GenerateDataKeyWithoutPlaintext", &wrapping).unwrap();
        let unwrap = |context: Value| {
            let blob = &wrapped["CiphertextBlob"];
            kms.handle("Decrypt", &json!({ "CiphertextBlob": blob, "EncryptionContext": context }))
        };
        assert!(unwrap(json!({ "b": "2", "a": "1" })).is_ok());
        assert!(unwrap(json!({ "a": "1" })).is_err());
        assert!(unwrap(json!({})).is_err());
    }
}
