//! Tests of the aggregator.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use watchfire_core::{Alert, App, Severity};

use super::{
    aggregator::{STORM, Tally},
    *,
};
use crate::{
    GroupId, NotificationPolicy, OccasionKind, Outlook, QuietHours, Rate, Silence,
    aggregate::{RateLimiter, Silences},
    model::Timestamp,
};

mod bounds;
mod notes;
mod restart;
mod retune;
mod simulation;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// A aggregator, its clock, and what it said.
struct Scene {
    aggregator: Aggregator,
    now: Timestamp,
    editable: bool,
    said: Vec<(Duration, Emission)>,
    begin: Timestamp,
}

impl Scene {
    fn new(policy: NotificationPolicy) -> Self {
        Self::with_edits(policy, false)
    }

    fn with_edits(policy: NotificationPolicy, editable: bool) -> Self {
        let begin = Timestamp::from_millis(1_700_000_000_000);
        Self {
            aggregator: Aggregator::new("ops", policy.clone(), RateLimiter::new(&policy.budget), editable),
            now: begin,
            editable,
            said: Vec::new(),
            begin,
        }
    }

    fn event(&mut self, alert: &Alert) -> GroupId {
        let mut out = Vec::new();
        let group = self.aggregator.take(Arc::new(alert.clone()), None, 1, self.now, &mut out);
        self.note(out);
        group
    }

    /// Lets time go by, from one due time to the next.
    fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        loop {
            let due = self.aggregator.due().filter(|at| *at <= end);
            self.now = due.unwrap_or(end).max(self.now);
            let mut out = Vec::new();
            let editable = self.editable;
            self.aggregator.tick(self.now, &|_| editable, &mut out);
            self.note(out);
            assert!(self.aggregator.due().is_none_or(|at| at > self.now), "a tick leaves nothing due");
            if due.is_none() {
                return;
            }
        }
    }

    fn note(&mut self, out: Vec<Emission>) {
        let at = self.now.since(self.begin);
        self.said.extend(out.into_iter().map(|emission| (at, emission)));
        let tally = self.aggregator.tally();
        assert_eq!(tally.taken, tally.told + tally.suppressed + self.aggregator.pending());
    }

    fn kinds(&self) -> Vec<(u64, &'static str, u64)> {
        self.said
            .iter()
            .map(|(at, emission)| (at.as_secs(), emission.summary.kind.as_str(), emission.told))
            .collect()
    }

    fn restart(&mut self, policy: NotificationPolicy) {
        let left = self.aggregator.checkpoint(self.now);
        let mut aggregator =
            Aggregator::new("ops", policy.clone(), RateLimiter::new(&policy.budget), self.editable);
        aggregator.restore(&left, &app(), self.now);
        self.aggregator = aggregator;
    }
}

fn app() -> Arc<App> {
    Arc::new(App::new("shop").host("web-1").pid(7))
}

fn alert(message: &str) -> Alert {
    Alert::new(app(), Severity::Error, message).target("shop::orders").at(SystemTime::UNIX_EPOCH)
}

fn severe(message: &str, severity: Severity) -> Alert {
    let mut alert = alert(message);
    (alert.severity, alert.level) = (severity, severity.level());
    alert
}

#[test]
fn the_first_goes_at_once_and_repeats_come_as_digests() {
    let mut scene = Scene::new(NotificationPolicy { early: false, ..NotificationPolicy::mail() });
    for _ in 0..3 * 3600 {
        scene.event(&alert("refused"));
        scene.pass(SECOND);
    }
    scene.pass(HOUR * 5);
    let expected = [
        (0, "first", 1),
        (300, "digest", 299),
        (300 + 900, "digest", 900),
        (300 + 900 + 3600, "digest", 3600),
        (300 + 900 + 3600 + 4 * 3600, "digest", 3 * 3600 - 4800),
    ];
    assert_eq!(scene.kinds(), expected);
    let last = &scene.said.last().unwrap().1.summary.counts;
    assert_eq!((last.total, last.fresh), (3 * 3600, 3 * 3600 - 4800));
    scene.pass(HOUR * 5);
    assert_eq!(scene.aggregator.open_groups(), 0, "quiet for a whole window");
    scene.event(&alert("refused"));
    assert_eq!(scene.kinds().last().unwrap().1, "first");
}

#[test]
fn a_million_equal_errors_are_one_alert_and_a_few_digests() {
    let mut scene = Scene::new(NotificationPolicy::mail());
    for second in 0..100 {
        let group = scene.event(&alert("refused"));
        let mut out = Vec::new();
        scene.aggregator.count(Some(group), 9_999, scene.now, &mut out);
        scene.note(out);
        scene.pass(SECOND);
        assert!(second > 0 || scene.said.len() == 1);
    }
    scene.pass(HOUR);
    let kinds = scene.kinds();
    assert_eq!(kinds.iter().map(|(.., told)| told).sum::<u64>(), 1_000_000);
    assert!(kinds.len() <= 4, "{kinds:?}");
}

#[test]
fn a_digest_comes_early_at_powers_of_ten_but_not_too_soon() {
    let mut scene = Scene::new(NotificationPolicy::mail());
    for _ in 0..120 {
        scene.event(&alert("refused"));
        scene.pass(SECOND);
    }
    let kinds = scene.kinds();
    assert_eq!(kinds, [(0, "first", 1), (30, "digest", 29), (99, "digest", 70)]);
}

#[test]
fn a_raised_severity_in_one_group_counts_as_first() {
    let named = |severity| severe("refused", severity).field(GROUP_FIELD, "payments");
    let mut scene = Scene::new(NotificationPolicy::mail());
    scene.event(&named(Severity::Warn));
    scene.event(&named(Severity::Warn));
    scene.event(&named(Severity::Error));
    scene.event(&named(Severity::Warn));
    scene.event(&named(Severity::Critical));
    assert_eq!(scene.kinds(), [(0, "first", 1), (0, "first", 2), (0, "first", 2)]);
}

#[test]
fn a_warning_then_an_error_of_one_place_are_both_reported() {
    let mut scene = Scene::new(NotificationPolicy::mail());
    let panic =
        |line| alert("called `Option::unwrap()` on a `None` value").target("panic").place("a.rs", line);
    scene.event(&severe("refused", Severity::Warn));
    scene.event(&severe("refused", Severity::Error));
    scene.event(&panic(1));
    scene.pass(SECOND);
    scene.event(&panic(2));
    assert_eq!(scene.kinds(), [(0, "first", 1), (0, "first", 1), (0, "first", 1), (1, "first", 1)]);
}

#[test]
fn what_the_budget_cannot_carry_comes_in_the_next_message() {
    let mut scene = Scene::new(NotificationPolicy::mail().budget([Rate::hourly(4).burst(2)]));
    for word in ["ant", "bee", "cow", "dog", "elk"] {
        scene.event(&alert(word));
        scene.pass(SECOND);
    }
    assert_eq!(scene.kinds(), [(0, "first", 1), (1, "first", 1)]);
    scene.pass(HOUR);
    let (at, emission) = &scene.said[2];
    assert_eq!(
        (at.as_secs(), emission.summary.kind, emission.told, emission.summary.counts.groups),
        (1200, OccasionKind::Digest, 3, 3)
    );
    assert_eq!(
        (emission.summary.counts.first, emission.summary.counts.last),
        ((scene.begin + SECOND * 2).into(), (scene.begin + SECOND * 4).into())
    );
    assert_eq!(emission.summary.alert.message, "cow", "the oldest");
    let named: Vec<&str> = emission.summary.mentions.iter().map(|mention| mention.title.as_str()).collect();
    assert_eq!(named.len(), 3);
    assert!(["cow", "dog", "elk"].iter().all(|word| named.contains(word)));
    assert_eq!(scene.aggregator.pending(), 0);
}

#[test]
fn many_new_groups_are_one_message_until_the_storm_is_over() {
    let mut scene = Scene::new(NotificationPolicy::default());
    for i in 0..100_u8 {
        let word: String = [b'a' + i / 26, b'a' + i % 26].iter().map(|b| char::from(*b)).collect();
        scene.event(&alert("x").target(format!("shop::{word}")));
        scene.pass(Duration::from_millis(100));
    }
    let firsts =
        scene.said.iter().filter(|(_, emission)| emission.summary.kind == OccasionKind::First).count();
    assert_eq!(firsts, STORM);
    let storms = || scene.said.iter().filter(|(_, emission)| emission.summary.kind == OccasionKind::Storm);
    assert_eq!(storms().count(), 1, "one at once");
    let (at, begun) = storms().next().unwrap();
    let whole = (begun.summary.counts.groups as usize, begun.told, begun.summary.mentions.len());
    assert_eq!(whole, (STORM + 1, 1, 10), "it tells of those, too, that were told of one by one");
    assert_eq!(begun.summary.alert.target, "shop::aa", "the oldest");
    let next = scene.begin + *at + NotificationPolicy::default().window(0);
    assert_eq!(begun.summary.outlook, Some(Outlook::Next(next.into())));
    assert_eq!(begun.summary.counts.first, SystemTime::from(scene.begin), "since the first of them");
    scene.event(&severe("y", Severity::Critical));
    assert_eq!(
        scene.said.last().unwrap().1.summary.kind,
        OccasionKind::First,
        "what is critical does not wait"
    );
    scene.pass(MINUTE * 2);
    let storms: Vec<&Emission> = scene
        .said
        .iter()
        .map(|(_, emission)| emission)
        .filter(|emission| emission.summary.kind == OccasionKind::Storm)
        .collect();
    assert_eq!(storms.len(), 2);
    assert_eq!(storms.iter().map(|emission| emission.told).sum::<u64>() as usize, 100 - STORM);
    assert_eq!(
        (storms[1].summary.counts.groups, storms[1].summary.mentions.len()),
        (101, 10),
        "the critical one, too"
    );
    assert_eq!(storms[1].summary.outlook, Some(Outlook::Over));
    scene.event(&alert("after the storm").target("elsewhere"));
    assert_eq!(scene.said.last().unwrap().1.summary.kind, OccasionKind::First);
    let told: u64 = scene.said.iter().map(|(_, emission)| emission.told).sum();
    assert_eq!(told, 102);
}

#[test]
fn quiet_hours_defer_to_one_message_and_critical_pierces() {
    let mut scene =
        Scene::new(NotificationPolicy::mail().quiet_hours("22:00-07:00".parse::<QuietHours>().unwrap()));
    scene.aggregator.hush(Some(scene.now + HOUR));
    for word in ["ant", "bee", "cow", "dog"] {
        scene.event(&alert(word));
    }
    scene.event(&severe("fire", Severity::Critical));
    scene.pass(MINUTE * 59);
    let kinds = scene.kinds();
    assert_eq!(kinds, [(0, "first", 1)], "the critical one");
    scene.pass(MINUTE * 2);
    let (at, emission) = scene.said.last().unwrap();
    assert_eq!((at.as_secs(), emission.told, emission.summary.counts.groups), (3600, 4, 4));
}

#[test]
fn a_silence_counts_and_is_announced_when_it_ends() {
    let mut scene = Scene::new(NotificationPolicy::mail());
    let group = scene.event(&alert("refused"));
    let silence = Silence::new(group, scene.now.into(), HOUR * 2);
    scene.aggregator.silence(Silences::new([silence]), scene.now);
    for _ in 0..57 {
        scene.event(&alert("refused"));
        scene.pass(MINUTE);
    }
    assert_eq!(scene.kinds(), [(0, "first", 1)]);
    scene.pass(HOUR * 2);
    let (at, emission) = &scene.said[1];
    assert_eq!((at.as_secs(), emission.summary.kind, emission.told), (7200, OccasionKind::Digest, 57));
    assert!(emission.summary.notes[0].contains("silence"), "{:?}", emission.summary.notes);
    // Taken back before its end.
    let group = scene.event(&alert("other"));
    scene.aggregator.silence(Silences::new([Silence::new(group, scene.now.into(), HOUR)]), scene.now);
    scene.event(&alert("other"));
    scene.pass(MINUTE * 6);
    scene.aggregator.silence(Silences::new([]), scene.now);
    scene.pass(SECOND);
    assert_eq!(scene.said.last().unwrap().1.told, 1);
}

#[test]
fn too_few_of_a_kind_are_suppressed_counted_and_mentioned() {
    let mut scene = Scene::new(NotificationPolicy::sms().min_count(3, MINUTE));
    scene.event(&alert("one"));
    scene.event(&alert("one"));
    scene.pass(MINUTE * 2);
    assert!(scene.said.is_empty());
    assert_eq!(scene.aggregator.tally().suppressed, 2);
    for _ in 0..3 {
        scene.event(&alert("three"));
        scene.pass(SECOND);
    }
    assert_eq!(scene.kinds(), [(122, "first", 3)]);
    assert!(scene.said[0].1.summary.notes.iter().any(|note| note.starts_with("2 alerts suppressed so far")));
    scene.event(&severe("fire", Severity::Critical));
    assert_eq!(scene.kinds().last().unwrap().1, "first");
}

#[test]
fn min_count_counts_within_its_time_and_not_a_moment_longer() {
    for (apart, told) in [(MINUTE / 2, 3), (MINUTE / 2 + Duration::from_millis(1), 0)] {
        let mut scene = Scene::new(NotificationPolicy::mail().min_count(3, MINUTE));
        for _ in 0..3 {
            scene.event(&alert("refused"));
            scene.pass(apart);
        }
        assert_eq!(scene.said.iter().map(|(_, emission)| emission.told).sum::<u64>(), told, "{apart:?}");
        scene.pass(MINUTE * 2);
        assert_eq!(scene.aggregator.tally().suppressed, 3 - told);
    }
}

#[test]
fn what_is_critical_waits_neither_for_a_budget_nor_for_a_storm() {
    let mut scene = Scene::new(NotificationPolicy::default().budget([Rate::hourly(1)]));
    for i in 0..40 {
        scene.event(&alert("x").field(GROUP_FIELD, format!("g{i}")));
    }
    scene.pass(MINUTE);
    scene.event(&severe("fire", Severity::Critical));
    scene.event(&severe("flood", Severity::Critical));
    scene.pass(HOUR * 5);
    let expected = [(0, "first", 1), (60, "first", 1), (60, "first", 1), (3600, "storm", 39)];
    assert_eq!(scene.kinds(), expected);
}

#[test]
fn a_raised_severity_needs_its_min_count_too() {
    let mut scene = Scene::new(NotificationPolicy::mail().min_count(2, MINUTE));
    let named = |severity| severe("refused", severity).field(GROUP_FIELD, "payments");
    scene.event(&named(Severity::Warn));
    scene.event(&named(Severity::Warn));
    scene.pass(MINUTE * 4);
    scene.event(&named(Severity::Error));
    assert_eq!(scene.kinds(), [(0, "first", 2)]);
    scene.event(&named(Severity::Error));
    assert_eq!(scene.kinds(), [(0, "first", 2), (240, "first", 2)]);
}

#[test]
fn the_severe_goes_first_then_the_old() {
    let mut scene = Scene::new(NotificationPolicy::mail());
    scene.aggregator.hush(Some(scene.now + HOUR));
    for (message, severity) in [("b", Severity::Warn), ("c", Severity::Error), ("a", Severity::Warn)] {
        scene.event(&severe(message, severity));
        scene.pass(SECOND);
    }
    scene.pass(HOUR);
    let told: Vec<&str> =
        scene.said.iter().map(|(_, emission)| emission.summary.alert.message.as_str()).collect();
    assert_eq!(told, ["c", "b", "a"]);
}

#[test]
fn the_last_message_of_a_budget_reports_the_storm() {
    let mut scene = Scene::new(NotificationPolicy::mail());
    for i in 0..30_u8 {
        scene.event(&alert("x").target(format!("shop::{}", char::from(b'a' + i % 26))));
        scene.pass(Duration::from_millis(100));
    }
    let kinds = scene.kinds();
    let budget = 10;
    assert_eq!(kinds.len(), budget, "{kinds:?}");
    assert!(kinds[..budget - 1].iter().all(|(_, kind, _)| *kind == "first"), "{kinds:?}");
    let (_, last) = scene.said.last().unwrap();
    assert_eq!(
        (last.summary.kind, last.summary.counts.groups, last.summary.mentions.len()),
        (OccasionKind::Storm, 10, 10)
    );
    assert!(matches!(last.summary.outlook, Some(Outlook::Next(_))));
    // Nothing of it is lost.
    scene.pass(HOUR);
    assert_eq!(scene.said.iter().map(|(_, emission)| emission.told).sum::<u64>(), 30);
}

#[test]
fn a_storm_in_quiet_hours_is_told_when_they_end() {
    let mut scene = Scene::new(NotificationPolicy::default());
    scene.aggregator.hush(Some(scene.now + HOUR));
    for i in 0..40 {
        scene.event(&alert("x").field(GROUP_FIELD, format!("g{i}")));
        scene.pass(SECOND);
    }
    scene.pass(HOUR * 2);
    assert_eq!(scene.kinds(), [(3600, "storm", 40)]);
}

#[test]
fn a_storm_tells_nothing_of_what_is_silenced_or_too_little() {
    let mut scene = Scene::new(NotificationPolicy::default().min_count(2, HOUR));
    let of = |i: u32| alert("x").field(GROUP_FIELD, format!("g{i}"));
    let silenced = Fingerprint::of(&of(39), None).group;
    scene.aggregator.silence(Silences::new([Silence::new(silenced, scene.now.into(), HOUR * 2)]), scene.now);
    for i in (0..40).chain(20..40) {
        scene.event(&of(i));
    }
    scene.pass(MINUTE * 5);
    let storms = scene.said.iter().filter(|(_, emission)| emission.summary.kind == OccasionKind::Storm);
    let told: u64 = storms.map(|(_, emission)| emission.told).sum();
    assert_eq!((told, scene.aggregator.pending()), (19 * 2, 20 + 2), "{:?}", scene.kinds());
    scene.pass(HOUR * 3);
    assert_eq!(
        scene.said.last().map(|(_, emission)| (emission.summary.group, emission.told)),
        Some((silenced, 2))
    );
    assert_eq!(scene.aggregator.tally().suppressed, 20);
}

#[test]
fn a_group_past_its_min_count_is_reported_when_released() {
    type Hold = fn(&mut Scene, GroupId);
    let holds: [Hold; 2] = [
        |scene, _| scene.aggregator.hush(Some(scene.now + HOUR)),
        |scene, group| {
            let silence = Silence::new(group, scene.now.into(), HOUR);
            scene.aggregator.silence(Silences::new([silence]), scene.now);
        },
    ];
    for hold in holds {
        let mut scene = Scene::new(NotificationPolicy::mail().min_count(3, MINUTE));
        let group = scene.event(&alert("refused"));
        hold(&mut scene, group);
        scene.event(&alert("refused"));
        scene.event(&alert("refused"));
        scene.pass(HOUR * 2);
        assert_eq!(scene.kinds(), [(3600, "first", 3)]);
    }
}

#[test]
fn a_crash_loop_reaches_its_min_count() {
    let policy = NotificationPolicy::mail().min_count(3, MINUTE);
    let mut scene = Scene::new(policy.clone());
    for _ in 0..4 {
        scene.event(&alert("cannot start"));
        scene.pass(SECOND * 5);
        scene.restart(policy.clone());
    }
    assert_eq!(scene.kinds(), [(10, "first", 3)]);
}

#[test]
fn held_groups_are_judged_anew_after_a_restart() {
    let mut scene = Scene::new(NotificationPolicy::mail());
    scene.aggregator.hush(Some(scene.now + HOUR * 8));
    scene.event(&alert("refused"));
    // The next process has no quiet hours.
    scene.restart(NotificationPolicy::mail());
    scene.pass(SECOND);
    assert_eq!(scene.kinds(), [(0, "first", 1)]);
}

#[test]
fn a_live_counter_edits_the_first_message_until_quiet() {
    let mut scene =
        Scene::with_edits(NotificationPolicy { early: false, ..NotificationPolicy::chat() }, true);
    for _ in 0..100 {
        scene.event(&alert("refused"));
        scene.pass(SECOND);
    }
    scene.pass(HOUR);
    let kinds = scene.kinds();
    assert_eq!(
        kinds,
        [
            (0, "first", 1),
            (30, "edit", 29),
            (60, "edit", 30),
            (90, "edit", 30),
            (120, "edit", 10),
            (300, "digest", 0),
            (1200, "quiet", 0)
        ]
    );
    let numbers: Vec<u32> = scene.said.iter().map(|(_, emission)| emission.summary.number).collect();
    assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(
        scene.said[5].1.summary.counts.fresh, 99,
        "the digest in the thread tells of all since the first"
    );
}

#[test]
fn of_a_single_alert_it_is_not_said_that_it_is_quiet() {
    let mut scene = Scene::with_edits(NotificationPolicy::chat(), true);
    scene.event(&alert("refused"));
    scene.pass(HOUR);
    assert_eq!(scene.kinds(), [(0, "first", 1)]);
    assert_eq!(scene.aggregator.open_groups(), 0);
}

#[test]
fn without_a_message_to_edit_nothing_is_edited() {
    let mut scene =
        Scene::with_edits(NotificationPolicy { early: false, ..NotificationPolicy::chat() }, true);
    scene.editable = false;
    for _ in 0..100 {
        scene.event(&alert("refused"));
        scene.pass(SECOND);
    }
    scene.pass(HOUR);
    assert_eq!(scene.kinds(), [(0, "first", 1), (300, "digest", 99)]);
}

#[test]
fn a_tracker_gets_alerts_up_to_its_rate_and_then_a_count() {
    let mut scene = Scene::new(NotificationPolicy::tracker());
    for _ in 0..250 {
        scene.event(&alert("refused"));
    }
    assert_eq!(scene.said.len(), 100);
    scene.pass(MINUTE * 3);
    let told: u64 = scene.said.iter().map(|(_, emission)| emission.told).sum();
    assert_eq!((told, scene.said.len()), (250, 101));
}

#[test]
fn a_crash_loop_says_it_once_with_the_count() {
    let mut scene = Scene::new(NotificationPolicy::mail());
    for _ in 0..60 {
        scene.event(&alert("cannot start"));
        scene.pass(SECOND * 2);
        scene.restart(NotificationPolicy::mail());
        scene.pass(SECOND * 3);
    }
    scene.pass(MINUTE * 20);
    let kinds = scene.kinds();
    assert_eq!(kinds[0], (0, "first", 1));
    assert_eq!(
        scene.said.iter().filter(|(_, emission)| emission.summary.kind == OccasionKind::First).count(),
        1
    );
    assert_eq!(kinds.iter().map(|(.., told)| told).sum::<u64>(), 60);
    assert_eq!(scene.said.last().unwrap().1.summary.counts.total, 60);
}

#[test]
fn counts_of_a_killed_process_are_reported_once_and_marked() {
    for in_order in [false, true] {
        let mut scene = Scene::new(NotificationPolicy::mail());
        for message in ["one", "two", "two"] {
            scene.event(&alert(message));
        }
        if in_order {
            scene.aggregator.close_book();
        }
        scene.restart(NotificationPolicy::mail());
        scene.said.clear();
        scene.pass(HOUR);
        let told: Vec<_> =
            scene.said.iter().map(|(_, emission)| (emission.told, emission.maybe_duplicate)).collect();
        assert_eq!(told, [(1, !in_order)], "of `one` there is nothing left to tell");
        scene.event(&alert("two"));
        scene.pass(HOUR * 5);
        let last = scene.said.last().map(|(_, emission)| (emission.told, emission.maybe_duplicate));
        assert_eq!(last, Some((1, false)), "what is counted here was told of by nobody");
    }
}

#[test]
fn a_budget_holds_over_restarts() {
    let policy = NotificationPolicy::mail().budget([Rate::hourly(5).burst(3)]);
    let mut scene = Scene::new(policy.clone());
    for i in 0..40_u8 {
        let word = char::from(b'a' + i % 26).to_string();
        scene.event(&alert(&word).target(if i < 26 { "one" } else { "two" }));
        scene.pass(MINUTE);
        scene.restart(policy.clone());
    }
    assert!(scene.said.iter().filter(|(at, _)| *at < HOUR).count() <= 5);
}

#[test]
fn more_groups_than_there_is_room_for_are_told_as_a_number() {
    let mut scene = Scene::new(NotificationPolicy::default());
    for i in 0..20_000_u32 {
        scene.event(&alert("x").field(GROUP_FIELD, format!("g{i}")));
    }
    assert!(scene.aggregator.open_groups() <= aggregator::MOST_GROUPS);
    scene.pass(HOUR * 6);
    assert_eq!(scene.aggregator.pending(), 0);
    let told: u64 = scene.said.iter().map(|(_, emission)| emission.told).sum();
    assert_eq!(told, 20_000);
    assert!(scene.said.len() < STORM + 6, "{:?}", scene.kinds());
}

#[test]
fn a_place_with_too_many_messages_is_one_group_and_says_so() {
    let mut scene = Scene::new(NotificationPolicy::default().budget([]));
    let words: Vec<String> = (0..100_u8).map(|i| "x".repeat(usize::from(i) + 1)).collect();
    for word in &words {
        scene.event(&alert(word));
        scene.pass(SECOND * 5);
    }
    scene.pass(HOUR);
    assert!(scene.aggregator.open_groups() <= cardinality_limit::VARIANTS + 1);
    let folded = |(_, emission): &&(Duration, Emission)| {
        emission.summary.notes.iter().any(|note| note.contains("too many different"))
    };
    assert!(scene.said.iter().filter(folded).map(|(_, emission)| emission.told).sum::<u64>() >= 80);
}

#[test]
fn at_the_end_of_a_program_what_is_left_is_said_in_one_message() {
    let mut scene = Scene::new(NotificationPolicy::mail());
    for word in ["ant", "bee", "cow", "dog"] {
        scene.event(&alert(word));
        scene.event(&alert(word));
    }
    let mut out = Vec::new();
    scene.aggregator.close(scene.now, &mut out);
    scene.note(out);
    let (_, emission) = scene.said.last().unwrap();
    assert_eq!((scene.said.len(), emission.told, emission.summary.counts.groups), (5, 4, 4));
    assert_eq!(scene.aggregator.pending(), 0);
}

#[test]
fn a_checkpoint_that_cannot_be_read_is_a_fresh_start() {
    let mut aggregator = Aggregator::new("ops", NotificationPolicy::mail(), RateLimiter::default(), false);
    for text in ["", "{", "[]", "{\"version\":2}", "{\"version\":1,\"groups\":7}"] {
        assert_eq!(aggregator.restore(text, &app(), Timestamp::from_millis(5)), 0);
    }
    assert_eq!(aggregator.tally(), Tally::default());
}

#[test]
fn a_digest_says_how_fast_the_alerts_came_since_the_last_one() {
    for restarts in [false, true] {
        let policy = NotificationPolicy { early: false, ..NotificationPolicy::mail() };
        let mut scene = Scene::new(policy.clone());
        let refused = alert("refused");
        scene.event(&refused);
        scene.pass(200 * SECOND);
        let burst = scene.now;
        for _ in 0..9 {
            scene.event(&refused);
            scene.pass(SECOND / 10);
        }
        if restarts {
            scene.restart(policy);
        }
        scene.pass(HOUR);
        let counts = scene.said[1].1.summary.counts;
        assert_eq!((counts.fresh, counts.total), (9, 10));
        assert_eq!(counts.fresh_since, burst.into(), "not since the first: that would be 160/h");
        assert!(counts.last.duration_since(counts.fresh_since).unwrap() < SECOND);
    }
}
