//! What a message says beside its counts.

use super::*;

fn notes(scene: &Scene) -> &[String] {
    scene.said.last().map(|(_, emission)| emission.summary.notes.as_slice()).unwrap_or_default()
}

fn silence(scene: &mut Scene, groups: &[GroupId]) {
    let of = |group: &GroupId| Silence::new(*group, scene.now.into(), HOUR);
    let silences = Silences::new(groups.iter().map(of));
    scene.aggregator.silence(silences, scene.now);
}

#[test]
fn a_message_of_several_groups_says_what_held_each_of_them_back() {
    // (what holds the groups, what their one message says)
    type Hold = fn(&mut Scene, &[GroupId]);
    let cases: [(Hold, &str); 4] = [
        (
            |scene, groups| silence(scene, groups),
            "Silences of 4 of these groups have ended; 8 alerts came in them.",
        ),
        (
            |scene, groups| silence(scene, &groups[..1]),
            "A silence of one of these groups has ended; 2 alerts came in it.",
        ),
        (
            |scene, _| scene.aggregator.hush(Some(scene.now + HOUR)),
            "4 of these groups: held back in quiet hours.",
        ),
        (
            |scene, _| while scene.aggregator.budget.try_acquire("", scene.now) {},
            "4 of these groups: held back by the channel's budget.",
        ),
    ];
    for (hold, expected) in cases {
        let policy = NotificationPolicy::default().digests([HOUR]).budget([Rate::hourly(10).burst(5)]);
        let mut scene = Scene::new(NotificationPolicy { early: false, ..policy });
        let all: Vec<Alert> = ["ant", "bee", "cow", "dog"].map(alert).into();
        let groups: Vec<GroupId> = all.iter().map(|alert| Fingerprint::of(alert, None).group).collect();
        if expected.contains("one of") {
            // Of the others there is a digest at the same time.
            for alert in &all[1..] {
                scene.event(alert);
            }
        }
        hold(&mut scene, &groups);
        for alert in all.iter().chain(&all) {
            scene.event(alert);
        }
        scene.pass(HOUR * 2);
        assert_eq!(scene.said.last().unwrap().1.summary.counts.groups, 4, "{expected}");
        assert_eq!(notes(&scene), [expected]);
    }
}

#[test]
fn counts_of_uninspected_texts_are_reported_as_such_once() {
    let expected = "7 of these arrived too fast to inspect: same call site, possibly other messages.";
    for (others, restarts) in [(0, false), (0, true), (3, false)] {
        let mut scene = Scene::new(NotificationPolicy { early: false, ..NotificationPolicy::mail() });
        let repeat = |scene: &mut Scene, unread| {
            let group = scene.event(&alert("refused"));
            for word in ["ant", "bee", "cow"].iter().take(others) {
                scene.event(&alert(word));
            }
            scene.aggregator.note_unread(Some(group), unread);
            let mut out = Vec::new();
            scene.aggregator.count(Some(group), 20, scene.now, &mut out);
            scene.note(out);
        };
        repeat(&mut scene, 3);
        repeat(&mut scene, 4);
        if restarts {
            scene.aggregator.close_book();
            scene.restart(NotificationPolicy { early: false, ..NotificationPolicy::mail() });
        }
        scene.pass(MINUTE * 6);
        assert_eq!(notes(&scene), [expected], "{others} {restarts}");
        repeat(&mut scene, 0);
        scene.pass(HOUR);
        assert_eq!(notes(&scene).len(), 0, "{:?}", notes(&scene));
    }
}
