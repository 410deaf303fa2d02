//! Other settings for a channel that runs: what was counted stays.

use super::*;

#[test]
fn digests_follow_the_new_times_from_the_last_message_on() {
    // (the times before, when they change, the times after, what is said)
    for (before, at, after, expected) in [
        (HOUR, MINUTE * 2, MINUTE * 5, vec![(0, "first", 1), (300, "digest", 3)]),
        (HOUR, MINUTE * 20, MINUTE * 5, vec![(0, "first", 1), (1200, "digest", 3)]),
        (MINUTE * 5, MINUTE * 2, HOUR, vec![(0, "first", 1), (3600, "digest", 3)]),
        (MINUTE * 5, MINUTE * 2, MINUTE * 5, vec![(0, "first", 1), (300, "digest", 3)]),
    ] {
        let policy =
            |digest| NotificationPolicy { early: false, ..NotificationPolicy::default().digests([digest]) };
        let mut scene = Scene::new(policy(before));
        for _ in 0..4 {
            scene.event(&alert("no"));
        }
        scene.pass(at);
        scene.aggregator.retune(&policy(after), false, scene.now);
        scene.pass(MINUTE * 90);
        assert_eq!(scene.kinds(), expected, "{before:?} at {at:?} {after:?}");
    }
}

#[test]
fn what_was_held_is_said_when_nothing_holds_it_any_more() {
    let hours: QuietHours = "00:00-24:00".parse().unwrap();
    for (before, after) in [
        (NotificationPolicy::default().min_count(10, HOUR), NotificationPolicy::default()),
        (NotificationPolicy::default().first_from(Severity::Critical), NotificationPolicy::default()),
        (NotificationPolicy::default().quiet_hours(hours), NotificationPolicy::default()),
        (NotificationPolicy::default().budget([Rate::hourly(1)]), NotificationPolicy::default().budget([])),
    ] {
        let mut scene = Scene::new(before.clone());
        if before.quiet_hours.is_some() {
            scene.aggregator.hush(Some(scene.now + HOUR * 8));
        }
        let has_budget = before.budget == [Rate::hourly(1)];
        if has_budget {
            scene.event(&alert("the first takes the budget"));
        }
        scene.event(&alert("held"));
        let told = scene.said.len();
        assert_eq!(told, usize::from(has_budget), "{before:?}");
        scene.pass(MINUTE);
        scene.aggregator.retune(&after, false, scene.now);
        scene.pass(Duration::ZERO);
        assert_eq!(scene.said.len(), told + 1, "{before:?}");
    }
}

#[test]
fn the_same_settings_change_nothing() {
    let mut scene = Scene::new(NotificationPolicy::mail());
    scene.event(&alert("no"));
    scene.event(&alert("no"));
    let (due, before) = (scene.aggregator.due(), scene.aggregator.checkpoint(scene.now));
    scene.aggregator.retune(&NotificationPolicy::mail(), false, scene.now);
    assert_eq!((scene.aggregator.due(), scene.aggregator.checkpoint(scene.now)), (due, before));
}
