//! Random weeks of an aggregator: after each step nothing is lost, no budget is exceeded, no first is late.

use super::*;

/// How many seeds are tried in passing; `TEST_SEEDS` asks for another number, CI for 10,000.
const SEEDS: u64 = 500;

/// SplitMix64: the same numbers from a seed on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "how long to search is asked for from outside")]
fn conserves_alerts_keeps_budgets_and_says_firsts_at_once() {
    let seeds = std::env::var("TEST_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(SEEDS);
    for seed in 0..seeds {
        week(seed);
    }
}

fn week(seed: u64) {
    let mut dice = Dice(seed);
    let rates = [Rate::hourly(2 + dice.roll(20) as u32), Rate::daily(30)];
    let mut policy = match dice.roll(5) {
        0 => NotificationPolicy::mail(),
        1 => NotificationPolicy::chat(),
        2 => NotificationPolicy::sms(),
        3 => NotificationPolicy::messenger(),
        _ => NotificationPolicy::default().min_count(1 + dice.roll(4) as u32, MINUTE * 5),
    };
    policy.budget = rates[..=dice.roll(2) as usize].to_vec();
    let edits = dice.roll(2) == 0;
    let mut scene = Scene::with_edits(policy.clone(), edits);
    let mut restarts = 0_u64;
    let (mut lives, mut last_told) = (0, 0);
    let mut silenced: Vec<(GroupId, Timestamp)> = Vec::new();
    let mut hushed = Timestamp::default();
    for step in 0..60 {
        let context = || format!("seed {seed}, step {step}");
        match dice.roll(12) {
            0..=5 => {
                let kinds = if dice.roll(20) == 0 { 60 } else { 6 };
                for _ in 0..=dice.roll(if kinds == 60 { 40 } else { 4 }) {
                    let severity =
                        [Severity::Warn, Severity::Error, Severity::Critical][dice.roll(3) as usize];
                    let alert = severe("x", severity).target(format!("t{}", dice.roll(kinds)));
                    expect_first_at_once(&mut scene, &alert, &silenced, hushed, &context());
                }
            }
            6 => {
                let group = scene.aggregator.groups.keys().nth(dice.roll(5) as usize).copied();
                if let Some(group) = group {
                    let mut out = Vec::new();
                    scene.aggregator.count(Some(group), dice.roll(5_000), scene.now, &mut out);
                    scene.note(out);
                }
            }
            7 => {
                if let Some(group) = scene.aggregator.groups.keys().next().copied() {
                    let silence = Silence::new(group, scene.now.into(), MINUTE * dice.roll(60) as u32);
                    silenced = vec![(group, silence.until.into())];
                    scene.aggregator.silence(Silences::new([silence]), scene.now);
                }
            }
            8 => {
                hushed = scene.now + MINUTE * dice.roll(600) as u32;
                scene.aggregator.hush(Some(hushed));
            }
            9 => {
                let (told, pending) = (scene.aggregator.tally().told, scene.aggregator.pending());
                scene.restart(policy.clone());
                scene.aggregator.hush(Some(hushed));
                let silences = silenced.iter().map(|(group, until)| {
                    Silence::new(*group, SystemTime::UNIX_EPOCH, until.since(Timestamp::default()))
                });
                scene.aggregator.silence(Silences::new(silences), scene.now);
                assert_eq!(scene.aggregator.pending(), pending, "{}", context());
                (lives, last_told, restarts) = (lives + told, 0, restarts + 1);
            }
            _ => scene.pass(Duration::from_millis(dice.roll(1_800_000))),
        }
        let tally = scene.aggregator.tally();
        assert!(tally.told >= last_told, "{}", context());
        last_told = tally.told;
        let said: u64 = scene.said.iter().map(|(_, emission)| emission.told).sum();
        assert_eq!(said, lives + tally.told, "what is counted as told was said: {}", context());
        expect_budgets_kept(&scene, &policy, &context());
    }
    // Everything comes out in the end, whatever held it.
    scene.pass(HOUR * 24 * 8);
    assert_eq!(scene.aggregator.pending(), 0, "seed {seed}, {restarts} restarts");
    assert_eq!(scene.aggregator.open_groups(), 0, "seed {seed}");
    expect_budgets_kept(&scene, &policy, &format!("seed {seed}, at the end"));
}

fn expect_first_at_once(
    scene: &mut Scene,
    alert: &Alert,
    silenced: &[(GroupId, Timestamp)],
    hushed: Timestamp,
    context: &str,
) {
    let group = Fingerprint::of(alert, None).group;
    let is_new = !scene.aggregator.groups.contains_key(&group);
    let is_silenced = silenced.iter().any(|(known, until)| *known == group && scene.now < *until);
    let is_critical = alert.severity == Severity::Critical;
    let policy = scene.aggregator.policy();
    let is_loud = is_critical
        || (policy.min_count.is_none_or(|min| min.count <= 1) && alert.severity >= policy.first_from);
    let may = scene.aggregator.budget.is_open_for("", alert.severity, group, scene.now);
    let calm = is_critical || (scene.aggregator.storm.is_none() && scene.now >= hushed);
    let before = scene.said.len();
    scene.event(alert);
    // The one that makes the storm is told with it, at the next look.
    let now_storm = !is_critical && scene.aggregator.storm.is_some();
    if is_new && !is_silenced && is_loud && may && calm && !now_storm {
        assert_eq!(scene.said.len(), before + 1, "{context}");
        assert_eq!(scene.said[before].1.summary.kind, OccasionKind::First, "{context}");
    }
}

fn expect_budgets_kept(scene: &Scene, policy: &NotificationPolicy, context: &str) {
    let pings = |kind: OccasionKind| !matches!(kind, OccasionKind::Edit | OccasionKind::Quiet);
    // Critical alerts have a reserve beside it.
    let spends = |emission: &Emission| {
        pings(emission.summary.kind) && emission.summary.alert.severity < Severity::Critical
    };
    let spent = scene.said.iter().filter(|(_, emission)| spends(emission));
    let times: Vec<Duration> = spent.map(|(at, _)| *at).collect();
    for rate in &policy.budget {
        let most = rate.most() as usize;
        for (first, last) in times.iter().zip(times.iter().skip(most)) {
            assert!(*last - *first >= rate.per(), "{rate} exceeded: {context}");
        }
    }
}
