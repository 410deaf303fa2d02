//! Draw what a seed sets up once.

use std::time::Duration;

use super::{Plan, Wanted, aggregation::draw_noise};
use crate::{
    DeliveryPolicy,
    model::FailOver,
    pipeline::{channel_state::Settings, dispatch::Limits},
    sim::random::SimRandom,
};

impl Plan {
    pub(super) fn draw(chance: &mut SimRandom, grouped: bool) -> Self {
        let names = ["ops", "mail", "sms"];
        let count = 1 + usize::try_from(chance.below(3)).unwrap_or_default();
        let channels = names.iter().take(count).enumerate().map(|(i, name)| {
            let recipients = 1 + chance.below(2);
            let mut policy = DeliveryPolicy::default();
            policy.notifications.budget.clear();
            if grouped {
                (policy.notifications, policy.can_edit) = draw_noise(chance);
            }
            if chance.percent(30) {
                policy.min_gap = Duration::from_millis(1_100);
            }
            if chance.percent(30) {
                policy.max_age = Duration::from_secs(900);
            }
            policy.retry_ambiguous = chance.percent(80);
            let mut settings = Settings::new(policy);
            if let Some(next) = names.get(i + 1).filter(|_| i + 1 < count && chance.percent(40)) {
                let after = Duration::from_secs(chance.below(300));
                settings.fail_over = Some(FailOver { after, to: vec![(*next).to_owned()] });
            }
            Wanted {
                name: (*name).to_owned(),
                recipients: (0..recipients).map(|to| format!("to{to}")).collect(),
                settings,
                sound: chance.percent(35),
            }
        });
        let channels = channels.collect();
        let limits = if chance.percent(15) { Limits { count: 8, bytes: 64 << 20 } } else { Limits::ON_DISK };
        let damages = chance.percent(10);
        Self { channels, limits, damages, grouped, steady: grouped && chance.percent(70), spread: false }
    }
}
