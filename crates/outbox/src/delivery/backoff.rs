//! The waits between attempts.

use std::time::Duration;

use crate::DeliveryPolicy;

/// Pauses asked for by a provider are kept within these: a header must not silence a process for ever.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(24 * 3600));

/// Returns how long to wait after a failed attempt: full jitter, anywhere between nothing and the doubled base, up to
/// the cap. `chance` is uniform in 0..1.
///
/// Full jitter, because many processes that lost one provider together must not come back to it together
/// (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
pub(crate) fn backoff(policy: &DeliveryPolicy, attempts: u32, chance: f64) -> Duration {
    let doubled = 1_u32.checked_shl(attempts.min(31)).unwrap_or(u32::MAX);
    let longest = policy.backoff_base.saturating_mul(doubled).min(policy.backoff_cap);
    share(longest, chance)
}

/// Returns how long to wait when a provider asks for `wait`: that, clamped, and a tenth more at most.
pub(crate) fn pause(wait: Duration, chance: f64) -> Duration {
    let wait = wait.clamp(PAUSE.0, PAUSE.1);
    wait + share((wait / 10).min(Duration::from_secs(10)), chance)
}

fn share(span: Duration, chance: f64) -> Duration {
    let chance = if chance.is_finite() { chance.clamp(0.0, 1.0) } else { 1.0 };
    // A span of ages has more digits than a float: never more than the whole.
    Duration::try_from_secs_f64(span.as_secs_f64() * chance).map_or(span, |part| part.min(span))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn policy(base: u64, cap: u64) -> DeliveryPolicy {
        DeliveryPolicy {
            backoff_base: Duration::from_millis(base),
            backoff_cap: Duration::from_millis(cap),
            ..DeliveryPolicy::default()
        }
    }

    proptest! {
        #[test]
        fn is_never_longer_than_base_doubled_nor_than_the_cap(
            base in 0..10_000_u64, cap in 0..10_000_000_u64, attempts in 0..u32::MAX, chance in 0.0..1.0_f64,
        ) {
            let wait = backoff(&policy(base, cap), attempts, chance);
            prop_assert!(wait <= Duration::from_millis(cap));
            if attempts < 20 {
                prop_assert!(wait <= Duration::from_millis(base << attempts));
            }
        }

        #[test]
        fn grows_with_chance_and_with_attempts(
            base in 1..10_000_u64, cap in 1..10_000_000_u64, attempts in 0..40_u32, chance in 0.0..1.0_f64,
        ) {
            let policy = policy(base, cap);
            prop_assert!(backoff(&policy, attempts, chance) <= backoff(&policy, attempts, 1.0));
            prop_assert!(backoff(&policy, attempts, chance) <= backoff(&policy, attempts + 1, chance));
            prop_assert_eq!(backoff(&policy, attempts, 0.0), Duration::ZERO);
        }

        #[test]
        fn a_provider_is_asked_on_time_and_within_a_day(
            wait in any::<u64>(), nanos in 0..1_000_000_000_u32, chance in 0.0..1.0_f64,
        ) {
            let asked = Duration::new(wait, nanos);
            let paused = pause(asked, chance);
            prop_assert!(paused >= asked.min(PAUSE.1));
            prop_assert!(paused >= PAUSE.0);
            prop_assert!(paused <= PAUSE.1 + Duration::from_secs(10));
        }
    }

    #[test]
    fn no_chance_makes_it_panic() {
        for chance in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 2.0] {
            for attempts in [0, 31, 32, u32::MAX] {
                let policy = DeliveryPolicy {
                    backoff_base: Duration::MAX,
                    backoff_cap: Duration::MAX,
                    ..DeliveryPolicy::default()
                };
                assert!(backoff(&policy, attempts, chance) <= Duration::MAX);
                assert!(pause(Duration::MAX, chance) <= PAUSE.1 + Duration::from_secs(10));
            }
        }
    }
}
