//! Tests of the store.

use std::sync::Arc;

use watchfire_core::{Alert, App, Secret, Severity};

use super::*;
use crate::{
    Counts, GroupId, GroupSummary, NotificationId, Occasion, Outlook,
    model::{QueueKey, QueuedMessage},
    spool::Disk,
};

fn letter(message: &str) -> QueuedMessage {
    let app = App::new("shop").link("runbook", "https://wiki.example.com/{target}").fact("Order", "order");
    let alert = Alert::new(app, Severity::Error, message)
        .field("float", f64::NAN)
        .field("huge", u128::MAX)
        .target("shop::pay");
    let next = Timestamp::from_millis(1_763_675_900_000);
    let summary = GroupSummary::first(alert.clone(), GroupId::from_u64(7))
        .with_counts(Counts::one(alert.at).groups(24))
        .with_outlook(Some(Outlook::Next(next.into())));
    let occasion = Occasion::new(&summary, "ops", alert.at);
    let notification = occasion.notification("ada").rich("<b>rich</b>").plain(vec![0, 255, 10]);
    let since = Timestamp::from_millis(5);
    QueuedMessage { notification, summary: Arc::new(summary), since, covers: vec![NotificationId(9)] }
}

fn open(folder: &std::path::Path, pid: u32) -> Spool<Disk> {
    let owner = Owner::new("here", pid, "1");
    Spool::new(Disk::open(folder, "here").unwrap(), owner, Arc::new(|owner| owner.pid != 1), pid)
}

fn name(letter: &QueuedMessage) -> Name {
    let key = QueueKey { accepted: 1_763_675_876_123_000, id: letter.notification.id };
    Name::new(key, DeliveryState::default(), &letter.notification.channel)
}

#[test]
fn a_letter_is_read_as_it_was_written_and_by_its_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("spool");
    let mut spool = open(&root, 2);
    let letter = letter("card declined");
    let name = spool.accept(&name(&letter), &letter).unwrap();
    spool.commit().unwrap();
    let read = spool.read(&name).unwrap();
    assert_eq!(read.notification, letter.notification);
    assert_eq!(read.covers, letter.covers);
    assert_eq!((read.summary.counts.groups, read.summary.outlook), (24, letter.summary.outlook));
    let (read, written) = (&read.summary.alert, &letter.summary.alert);
    assert_eq!(
        (read.id, read.at, &read.message, &read.target),
        (written.id, written.at, &written.message, &written.target)
    );
    assert_eq!(read.app, written.app, "another channel makes the same links of it");
    let text = |alert: &Alert| alert.fields.iter().map(|field| field.value.to_string()).collect::<Vec<_>>();
    assert_eq!(text(read), text(written));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&root.join(format!("hosts/here/cur/{name}"))), 0o600);
        assert_eq!(mode(&root.join("hosts/here/cur")), 0o700);
    }
}

#[test]
fn a_credential_of_our_own_gets_into_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), 2);
    let secret = Secret::new("xoxb-planted-spool-4712");
    let letter = letter(&format!("token {}", secret.expose()));
    assert!(matches!(spool.accept(&name(&letter), &letter), Err(Trouble::Secret)));
    assert!(spool.keep(StateKind::Receipts, "a", secret.expose()).is_err());
    assert!(spool.list("cur").is_empty());
}

#[test]
fn a_dead_process_loses_its_claims_and_attempts_are_marked() {
    let folder = tempfile::tempdir().unwrap();
    let (mut dead, mut living, mut late) =
        (open(folder.path(), 1), open(folder.path(), 2), open(folder.path(), 3));
    let letter = letter("card declined");
    let claimed = dead.accept(&name(&letter), &letter).unwrap();
    let under_way = DeliveryState { in_flight: true, attempts: 1, ..DeliveryState::default() };
    dead.restate(&claimed, under_way).unwrap();
    assert_eq!(living.release_stale(100), 1);
    let (found, damaged) =
        living.claim(&|channel| channel == "ops", (true, true), &|_| 10, Timestamp::default());
    assert!(damaged.is_none());
    let [Found::QueuedMessage(name, _)] = found.as_slice() else { panic!("{found:?}") };
    assert!(name.state.maybe_duplicate && !name.state.in_flight);
    assert!(
        late.claim(&|_| true, (true, true), &|_| 10, Timestamp::default()).0.is_empty(),
        "one process succeeds"
    );
    assert_eq!(late.release_stale(100), 0, "its owner lives");
}

#[test]
fn of_one_message_under_two_names_one_stays_or_both_are_marked() {
    // (whether it was under way under the dead process's name, how many are freed, how many are then in the folder)
    for (under_way, freed, left) in [(false, 0, 1), (true, 1, 2)] {
        let folder = tempfile::tempdir().unwrap();
        let (mut dead, living, late) =
            (open(folder.path(), 1), open(folder.path(), 2), open(folder.path(), 3));
        let letter = letter("card declined");
        let mut claimed = dead.accept(&name(&letter), &letter).unwrap();
        // A loss of power kept both ends of a rename.
        let twin = claimed.clone().owned_by(Some(living.owner()));
        std::fs::copy(
            folder.path().join(format!("hosts/here/cur/{claimed}")),
            folder.path().join(format!("hosts/here/cur/{twin}")),
        )
        .unwrap();
        if under_way {
            let state = DeliveryState { in_flight: true, attempts: 1, ..DeliveryState::default() };
            claimed = dead.restate(&claimed, state).unwrap();
        }
        assert_eq!(late.release_stale(100), freed, "{claimed}");
        let all = [late.list("cur"), late.list("new")].concat();
        assert_eq!(all.len(), left, "{all:?}");
        assert!(all.contains(&twin), "{all:?}");
        assert!(all.iter().all(|name| *name == twin || name.state.maybe_duplicate), "{all:?}");
    }
}

#[test]
fn a_damaged_file_is_set_aside_and_the_rest_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), 2);
    let (good, bad) = (letter("good"), letter("bad"));
    for letter in [&good, &bad] {
        let name = spool.accept(&name(letter), letter).unwrap();
        spool.release(&name).unwrap();
    }
    let path = folder.path().join(format!("new/{}", name(&bad)));
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.truncate(bytes.len() - 1);
    std::fs::write(&path, bytes).unwrap();
    for (name, text) in
        [("README", "not ours"), (&name(&letter("new")).to_string(), "watchfire-spool 2 1 1 0\n")]
    {
        std::fs::write(folder.path().join(format!("new/{name}")), text).unwrap();
    }
    let (found, damaged) = spool.claim(&|_| true, (true, true), &|_| 10, Timestamp::default());
    let unusable = damaged.unwrap();
    assert_eq!((found.len(), unusable.damaged, unusable.strangers), (1, 1, 2), "{unusable}");
    assert!(
        unusable.to_string().starts_with("1 damaged file set aside in the spool, 2 files of other programs")
    );
    let count = |of: &str| std::fs::read_dir(folder.path().join(of)).unwrap().count();
    assert_eq!((count("damaged"), count("new")), (1, 2), "what others wrote stays");
    let again = spool.claim(&|_| true, (true, true), &|_| 10, Timestamp::default());
    assert!(again.0.is_empty() && again.1.is_none(), "each is reported once");
}

#[test]
fn of_damaged_files_the_latest_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), 2);
    let damaged = name(&letter("bad"));
    for accepted in 0..MOST_DAMAGED as u64 + 5 {
        let name = Name { key: QueueKey { accepted, ..damaged.key }, ..damaged.clone() };
        std::fs::write(folder.path().join(format!("new/{name}")), "not a message").unwrap();
    }
    let (_, damaged) = spool.claim(&|_| true, (true, true), &|_| 10, Timestamp::default());
    assert_eq!(damaged.unwrap().damaged, MOST_DAMAGED as u64 + 5, "each is counted");
    let mut kept = spool.files().list("damaged").unwrap();
    kept.sort_unstable();
    assert_eq!(kept.len(), MOST_DAMAGED);
    assert_eq!(Name::parse(&kept[0]).unwrap().key.accepted, 5);
}

#[test]
fn what_is_for_a_channel_that_is_not_known_stays() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), 2);
    let letter = letter("card declined");
    let name = spool.accept(&name(&letter), &letter).unwrap();
    spool.release(&name).unwrap();
    assert!(spool.claim(&|_| false, (true, true), &|_| 10, Timestamp::default()).0.is_empty());
    spool.look_again();
    assert_eq!(spool.claim(&|_| true, (true, true), &|_| 10, Timestamp::default()).0.len(), 1);
}

#[test]
fn the_origin_of_an_alert_survives_many_claims() {
    let folder = tempfile::tempdir().unwrap();
    let (mut late, now) = (open(folder.path(), 3), Timestamp::from_millis(1_763_675_900_000));
    let alert = letter("last words").summary.alert.clone();
    let owner = Owner::new("here", 1, "7");
    let mut dies = Spool::new(late.files().clone(), owner.clone(), Arc::new(|_| true), 9);
    let name = Name::alert(name(&letter("last words")).key, &owner);
    dies.leave(&name, &alert).unwrap();
    // It takes its own alert, and dies before it has said it.
    assert_eq!(dies.claim(&|_| true, (true, true), &|_| 10, now).0.len(), 1);
    assert_eq!(late.release_stale(100), 1);
    let (found, _) = late.claim(&|_| true, (true, true), &|_| 10, now);
    let [Found::Alert(_, _, Some(writer), None)] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(*writer, owner);
    assert!(late.has_died(writer));
}

#[test]
fn the_alert_of_a_process_that_lives_is_left_to_it_for_a_while() {
    let folder = tempfile::tempdir().unwrap();
    let (mut lives, mut other) = (open(folder.path(), 2), open(folder.path(), 3));
    let letter = letter("not its last words");
    let name = Name::alert(name(&letter).key, lives.owner());
    lives.leave(&name, &letter.summary.alert).unwrap();
    let (soon, late) = (name.key.accepted_at() + ITS_OWN / 2, name.key.accepted_at() + ITS_OWN);
    assert!(other.claim(&|_| true, (true, true), &|_| 10, soon).0.is_empty());
    lives.hold(vec![name.key.id]);
    assert!(lives.claim(&|_| true, (true, true), &|_| 10, soon).0.is_empty(), "it may be about to die of it");
    assert_eq!(
        other.claim(&|_| true, (true, true), &|_| 10, late).0.len(),
        1,
        "its own process does not come to it"
    );
}

#[test]
fn an_alert_for_one_channel_is_taken_by_who_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let (mut child, mut parent) = (open(folder.path(), 2), open(folder.path(), 3));
    let letter = letter("of a child");
    let name = Name::alert(name(&letter).key, child.owner());
    child.leave_for("ops", &name, &letter.summary.alert).unwrap();
    let now = name.key.accepted_at();
    assert!(parent.claim(&|channel| channel == "mail", (true, true), &|_| 10, now).0.is_empty());
    parent.look_again();
    let (found, _) = parent.claim(&|channel| channel == "ops", (true, true), &|_| 10, now);
    let [Found::Alert(_, _, None, Some(channel))] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(channel, "ops", "at once, although its writer lives");
}

#[test]
fn a_dead_letter_is_not_under_way_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), 2);
    let letter = letter("card declined");
    let name = spool.accept(&name(&letter), &letter).unwrap();
    let under_way = DeliveryState { in_flight: true, attempts: 1, ..DeliveryState::default() };
    let name = spool.restate(&name, under_way).unwrap();
    spool.bury(&name, "no such channel").unwrap();
    let dead = spool.list("dead");
    assert_eq!(dead.iter().map(|name| name.state.in_flight).collect::<Vec<_>>(), [false]);
}

#[test]
fn an_alert_whose_taker_died_is_a_possible_duplicate() {
    let folder = tempfile::tempdir().unwrap();
    let now = Timestamp::from_millis(1_763_675_876_123);
    let alert = Alert::new(App::new("shop"), Severity::Critical, "lost");
    let key = QueueKey { accepted: 7, id: NotificationId(7) };
    let found = |spool: &mut Spool<Disk>| match spool.claim(&|_| true, (true, true), &|_| 9, now).0.pop() {
        Some(Found::Alert(name, ..)) => Some(name.state.maybe_duplicate),
        _ => None,
    };
    let (mut writer, mut taker) = (open(folder.path(), 2), open(folder.path(), 1));
    writer.leave(&Name::alert(key, writer.owner()), &alert).unwrap();
    assert_eq!(found(&mut taker), Some(false), "nobody had it before");
    writer.release_stale(100);
    assert_eq!(found(&mut writer), Some(true));
}

#[test]
fn a_large_backlog_is_claimed_in_slices_the_severe_first() {
    const ALL: usize = 700;
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), 2);
    for i in 0..ALL {
        let mut letter = letter("lost");
        let severity = [Severity::Warn, Severity::Critical, Severity::Error][i % 3];
        let mut alert = (*letter.summary.alert).clone();
        alert.severity = severity;
        letter.summary = Arc::new(GroupSummary::first(alert, letter.summary.group));
        letter.notification.severity = severity;
        let mut name = name(&letter);
        name.key.accepted += i as u64;
        let name = spool.accept(&name, &letter).unwrap();
        spool.release(&name).unwrap();
    }
    let now = Timestamp::default();
    let mut all: Vec<(Severity, QueueKey)> = Vec::new();
    let mut turns = 0;
    while all.len() < ALL {
        let (found, _) = spool.claim(&|_| true, (true, false), &|_| 100, now);
        assert!(found.len() <= 100, "as many as there is room for");
        assert_eq!(spool.has_more(&|_| 0), turns < 2, "without room only what was not read yet is more");
        all.extend(found.into_iter().map(|found| match found {
            Found::QueuedMessage(name, letter) => (letter.notification.severity, name.key),
            other => panic!("{other:?}"),
        }));
        turns += 1;
        assert_eq!(spool.backlog(), ALL - all.len());

        assert!(turns < 20);
    }
    let order = |(severity, key): &(Severity, QueueKey)| (std::cmp::Reverse(*severity), *key);
    assert!(all.is_sorted_by_key(order), "{all:?}");
    assert_eq!(turns, 2 + 7, "two turns read and claim nothing, the third does both");
}

#[test]
fn what_another_program_left_stays() {
    let folder = tempfile::tempdir().unwrap();
    let (mut shop, mut bank) = (open(folder.path(), 2).of_app("shop"), open(folder.path(), 3).of_app("bank"));
    let letter = letter("card declined");
    let name = shop.accept(&name(&letter), &letter).unwrap();
    shop.release(&name).unwrap();
    let now = Timestamp::default();
    assert!(
        bank.claim(&|_| true, (true, true), &|_| 10, now).0.is_empty(),
        "also for a channel of that name"
    );
    assert_eq!(shop.claim(&|_| true, (true, true), &|_| 10, now).0.len(), 1);
}
