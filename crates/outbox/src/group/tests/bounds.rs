//! What a desk keeps is bounded, and the guide has its numbers.

use super::*;

#[test]
fn the_bytes_of_a_table_are_bounded_too_and_nothing_goes_uncounted() {
    let mut scene = Scene::new(Noise::default());
    let long = "long ".repeat(4_000);
    for i in 0..900_u32 {
        scene.event(&alert(&long).field(GROUP_FIELD, format!("g{i}")));
        assert!(scene.desk.bytes <= desk::MOST_BYTES, "{} bytes", scene.desk.bytes);
    }
    let kept: usize = scene.desk.groups.values().map(|group| group.bytes).sum();
    assert_eq!(scene.desk.bytes, kept, "the sum is kept up to date");
    assert!(scene.desk.open_groups() < 300, "{}", scene.desk.open_groups());
    scene.pass(HOUR * 6);
    assert_eq!(scene.said.iter().map(|(_, say)| say.told).sum::<u64>(), 900);
}

#[test]
fn the_guide_has_the_numbers_of_the_code() {
    const GUIDE: &str = include_str!("../../../../../docs/guide/noise.md");
    let most = format!("{},{:03} groups", desk::MOST_GROUPS / 1_000, desk::MOST_GROUPS % 1_000);
    for expected in [
        format!(
            "More than {} kinds from one place within {} minutes",
            places::VARIANTS,
            places::PAUSE.as_secs() / 60
        ),
        format!("More than {STORM} new groups within a minute are a storm"),
        format!("{most} or {} MiB of a channel are kept", desk::MOST_BYTES >> 20),
        format!("{} s after the last message at the earliest", state::EARLY_GAP.as_secs()),
        "More than three messages at one time are one.".to_owned(),
    ] {
        assert!(GUIDE.contains(&expected), "{expected}");
    }
    assert_eq!((desk::STORM_SPAN, desk::AT_ONCE), (MINUTE, 3));
}
