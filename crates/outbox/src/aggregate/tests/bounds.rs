//! What an aggregator keeps is bounded, and the guide has its numbers.

use super::*;

#[test]
fn the_bytes_of_a_table_are_bounded_and_all_is_counted() {
    let mut scene = Scene::new(NotificationPolicy::default());
    let long = "long ".repeat(4_000);
    for i in 0..900_u32 {
        scene.event(&alert(&long).field(GROUP_FIELD, format!("g{i}")));
        assert!(scene.aggregator.bytes <= aggregator::MOST_BYTES, "{} bytes", scene.aggregator.bytes);
    }
    let kept: usize = scene.aggregator.groups.values().map(|group| group.bytes).sum();
    assert_eq!(scene.aggregator.bytes, kept, "the sum is kept up to date");
    assert!(scene.aggregator.open_groups() < 300, "{}", scene.aggregator.open_groups());
    scene.pass(HOUR * 6);
    assert_eq!(scene.said.iter().map(|(_, emission)| emission.told).sum::<u64>(), 900);
}

#[test]
fn the_guide_has_the_numbers_of_the_code() {
    const GUIDE: &str = include_str!("../../../../../docs/guide/noise.md");
    let most = format!("{},{:03} groups", aggregator::MOST_GROUPS / 1_000, aggregator::MOST_GROUPS % 1_000);
    for expected in [
        format!(
            "More than {} kinds from one place within {} minutes",
            cardinality_limit::VARIANTS,
            cardinality_limit::PAUSE.as_secs() / 60
        ),
        format!("More than {STORM} new groups within a minute are a storm"),
        format!("{most} or {} MiB of a channel are kept", aggregator::MOST_BYTES >> 20),
        format!("{} s after the last message at the earliest", group::EARLY_GAP.as_secs()),
        "More than three messages at one time are one.".to_owned(),
    ] {
        assert!(GUIDE.contains(&expected), "{expected}");
    }
    assert_eq!((aggregator::STORM_SPAN, aggregator::AT_ONCE), (MINUTE, 3));
}

#[test]
fn settled_groups_are_evicted_first_then_the_oldest() {
    let mut scene = Scene::new(NotificationPolicy::default().budget([]));
    let of = |i: usize| alert("x").field(GROUP_FIELD, format!("g{i}"));
    scene.aggregator.hush(Some(scene.now + HOUR));
    let mut owing = Vec::new();
    for i in 0..1_000 {
        owing.push(scene.event(&of(i)));
        scene.pass(SECOND);
    }
    let mut fire = of(1_000);
    fire.severity = Severity::Critical;
    let told = scene.event(&fire);
    scene.pass(SECOND);
    let last = (1_001..=aggregator::MOST_GROUPS).map(|i| scene.event(&of(i))).last().unwrap();
    let knows = |group: &GroupId| scene.aggregator.groups.contains_key(group);
    assert!(!knows(&told), "nothing is lost with it, although it is of the last");
    let gone = owing.iter().take_while(|group| !knows(group)).count();
    assert_eq!(gone as u64, scene.aggregator.overflow.groups, "the oldest");
    assert!(gone > 0 && owing[gone..].iter().all(knows) && knows(&last));
}
