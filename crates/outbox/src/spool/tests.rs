use std::sync::Arc;

use watchfire_core::{Alert, App, Secret, Severity};

use super::*;
use crate::{
    GroupId, NotificationId, Occasion,
    delivery::Key,
    letter::{Facts, Letter},
};

fn letter(message: &str) -> Letter {
    let alert = Alert::new(App::new("shop"), Severity::Error, message)
        .field("float", f64::NAN)
        .field("huge", u128::MAX)
        .target("shop::pay");
    let occasion = Occasion::first(&alert, "ops", GroupId::from_u64(7), alert.at);
    let notification = occasion.notification("ada").rich("<b>rich</b>").plain(vec![0, 255, 10]);
    let facts = Facts::of(&occasion, Arc::new(alert.clone()), Moment::from_millis(5));
    Letter { notification, facts: Arc::new(facts), covers: vec![NotificationId(9)] }
}

fn open(folder: &std::path::Path, pid: u32) -> Spool<Disk> {
    let owner = Owner::new("here", pid, "1");
    Spool::new(Disk::open(folder).unwrap(), owner, Arc::new(|owner| Some(owner.pid != 1)), pid)
}

fn name(letter: &Letter) -> Name {
    let key = Key { accepted: 1_763_675_876_123_000, id: letter.notification.id };
    Name::new(key, State::default(), &letter.notification.channel)
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
    let (read, written) = (&read.facts.alert, &letter.facts.alert);
    assert_eq!(
        (read.id, read.at, &read.message, &read.target),
        (written.id, written.at, &written.message, &written.target)
    );
    let text = |alert: &Alert| alert.fields.iter().map(|field| field.value.to_string()).collect::<Vec<_>>();
    assert_eq!(text(read), text(written));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&root.join(format!("cur/{name}"))), 0o600);
        assert_eq!(mode(&root.join("cur")), 0o700);
    }
}

#[test]
fn a_credential_of_our_own_gets_into_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), 2);
    let secret = Secret::new("xoxb-planted-spool-4712");
    let letter = letter(&format!("token {}", secret.expose()));
    assert!(matches!(spool.accept(&name(&letter), &letter), Err(Trouble::Secret)));
    assert!(spool.keep(Drawer::Receipts, "a", secret.expose()).is_err());
    assert!(spool.list("cur").is_empty());
}

#[test]
fn what_a_dead_process_claimed_is_taken_over_and_marked_if_it_was_under_way() {
    let folder = tempfile::tempdir().unwrap();
    let (mut dead, mut living, mut late) =
        (open(folder.path(), 1), open(folder.path(), 2), open(folder.path(), 3));
    let letter = letter("card declined");
    let claimed = dead.accept(&name(&letter), &letter).unwrap();
    let under_way = State { in_flight: true, attempts: 1, ..State::default() };
    dead.restate(&claimed, under_way).unwrap();
    assert_eq!(living.release_stale(Moment::default()), 1);
    let (found, damaged) = living.claim(&|channel| channel == "ops", true, 10);
    assert!(damaged.is_empty());
    let [Found::Letter(name, _)] = found.as_slice() else { panic!("{found:?}") };
    assert!(name.state.maybe_duplicate && !name.state.in_flight);
    assert!(late.claim(&|_| true, true, 10).0.is_empty(), "one process succeeds");
    assert_eq!(late.release_stale(Moment::default()), 0, "its owner lives");
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
    std::fs::write(folder.path().join("new/README"), "not ours").unwrap();
    let (found, damaged) = spool.claim(&|_| true, true, 10);
    assert_eq!((found.len(), damaged.len()), (1, 2), "{damaged:?}");
    assert_eq!(std::fs::read_dir(folder.path().join("damaged")).unwrap().count(), 2);
}

#[test]
fn what_is_for_a_channel_that_is_not_known_stays() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), 2);
    let letter = letter("card declined");
    let name = spool.accept(&name(&letter), &letter).unwrap();
    spool.release(&name).unwrap();
    assert!(spool.claim(&|_| false, true, 10).0.is_empty());
    spool.look_again();
    assert_eq!(spool.claim(&|_| true, true, 10).0.len(), 1);
}
