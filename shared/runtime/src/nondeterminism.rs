//! The clock and the randomness, which the domain takes as arguments.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use domain::Timestamp;
use ring::rand::{SecureRandom, SystemRandom};

/// The system gave no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system has no randomness")]
pub struct NoRandomness;

/// The time: the system's, or one that a test moves.
#[derive(Debug, Clone, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands still at `start` until a test moves it. Its clones move with it.
    pub fn manual(start: Timestamp) -> Self {
        Self(Some(Arc::new(AtomicI64::new(start.millis()))))
    }

    /// This moment.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            None => system_now(),
            Some(millis) => Timestamp::from_millis(millis.load(Ordering::SeqCst)),
        }
    }

    /// Moves a manual clock to `to`. The system's clock does not change.
    pub fn move_to(&self, to: Timestamp) {
        if let Some(millis) = &self.0 {
            millis.store(to.millis(), Ordering::SeqCst);
        }
    }
}

fn system_now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

/// Random bytes fit for secrets.
pub fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

/// A random number from −1 to 1. It is 0 if there is no randomness, because a delay without jitter is better than an error.
pub fn jitter() -> f64 {
    let number = random().map_or(u32::MAX / 2, u32::from_le_bytes);
    f64::from(number) / f64::from(u32::MAX) * 2.0 - 1.0
}

#[cfg(test)]
mod tests {
    #[test]
    fn jitter_stays_within_its_bounds_on_both_sides_of_zero() {
        let drawn: Vec<_> = (0..1_000).map(|_| super::jitter()).collect();
        assert!(drawn.iter().all(|jitter| (-1.0..=1.0).contains(jitter)));
        assert!(drawn.iter().any(|jitter| *jitter < -0.5) && drawn.iter().any(|jitter| *jitter > 0.5));
    }
}
