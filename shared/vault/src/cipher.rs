//! AES-256-GCM under one data key.

use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    rand::{SecureRandom, SystemRandom},
};
use zeroize::Zeroizing;

/// A data key, ready for use.
pub(crate) struct Cipher(LessSafeKey);

impl Cipher {
    /// Takes a key of 256 bits.
    pub(crate) fn new(key: &[u8]) -> Option<Self> {
        UnboundKey::new(&AES_256_GCM, key).ok().map(|key| Self(LessSafeKey::new(key)))
    }

    /// Returns a random nonce, the ciphertext and its tag. Random nonces are safe for 2^32 texts under one data key.
    pub(crate) fn seal(&self, text: &str, binding: &str) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).ok()?;
        // It has room for the tag. Otherwise a reallocation would leave a copy of the plain text behind.
        let mut buffer = Vec::with_capacity(text.len() + AES_256_GCM.tag_len());
        buffer.extend_from_slice(text.as_bytes());
        let nonce_used = Nonce::assume_unique_for_key(nonce);
        self.0.seal_in_place_append_tag(nonce_used, Aad::from(binding), &mut buffer).ok()?;
        Some([nonce.as_slice(), &buffer].concat())
    }

    /// The text, if the bytes were sealed with this key and this binding, and nobody changed them.
    pub(crate) fn open(&self, sealed: Vec<u8>, binding: &str) -> Option<Zeroizing<String>> {
        let mut sealed = Zeroizing::new(sealed);
        let (nonce, ciphertext) = sealed.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let plain = self.0.open_in_place(nonce, Aad::from(binding), ciphertext).ok()?;
        Some(Zeroizing::new(std::str::from_utf8(plain).ok()?.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_only_with_its_key_and_for_its_endpoint() {
        let (cipher, other) = (Cipher::new(&[1; 32]).unwrap(), Cipher::new(&[2; 32]).unwrap());
        let sealed = cipher.seal("secret", "org/endpoint").unwrap();
        assert_eq!(cipher.open(sealed.clone(), "org/endpoint").unwrap().as_str(), "secret");
        assert_eq!(cipher.open(sealed.clone(), "org/another"), None);
        assert_eq!(other.open(sealed.clone(), "org/endpoint"), None);
        assert_ne!(cipher.seal("secret", "org/endpoint").unwrap(), sealed, "each sealing has its own nonce");
    }

    #[test]
    fn an_altered_or_cut_ciphertext_does_not_open() {
        let cipher = Cipher::new(&[1; 32]).unwrap();
        let sealed = cipher.seal("secret", "b").unwrap();
        for position in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[position] ^= 1;
            assert_eq!(cipher.open(altered, "b"), None, "byte {position}");
            assert_eq!(cipher.open(sealed[..position].to_vec(), "b"), None, "cut at {position}");
        }
    }
}
