//! Tests of rotation.

use std::time::{Duration, UNIX_EPOCH};

use super::*;
use crate::time::vienna;

fn at(text: &str) -> SystemTime {
    let second: Timestamp = text.parse().unwrap();
    UNIX_EPOCH + Duration::from_secs(u64::try_from(second.as_second()).unwrap())
}

fn schedule(every: RotationInterval, hour: i8, zone: Zone) -> Schedule {
    Schedule { every, hour, minute: 0, zone }
}

fn show(period: Period) -> String {
    let show = |second| Timestamp::from_second(second).unwrap().to_string();
    format!("{} {}", show(period.start), show(period.until))
}

#[test]
fn periods_begin_where_people_expect_them() {
    let cases = [
        (
            RotationInterval::Minute,
            0,
            Zone::utc(),
            "2026-11-20T21:48:12Z",
            "2026-11-20T21:48:00Z 2026-11-20T21:49:00Z",
            "2026-11-20_21-48",
        ),
        (
            RotationInterval::Hour,
            0,
            Zone::utc(),
            "2026-11-20T21:48:12Z",
            "2026-11-20T21:00:00Z 2026-11-20T22:00:00Z",
            "2026-11-20_21",
        ),
        (
            RotationInterval::Day,
            0,
            Zone::utc(),
            "2026-11-20T00:00:00Z",
            "2026-11-20T00:00:00Z 2026-11-21T00:00:00Z",
            "2026-11-20",
        ),
        (
            RotationInterval::Day,
            4,
            Zone::utc(),
            "2026-11-20T03:59:59Z",
            "2026-11-19T04:00:00Z 2026-11-20T04:00:00Z",
            "2026-11-19",
        ),
        // 2026-11-20 is a Friday.
        (
            RotationInterval::Week(0),
            0,
            Zone::utc(),
            "2026-11-20T12:00:00Z",
            "2026-11-16T00:00:00Z 2026-11-23T00:00:00Z",
            "2026-11-16",
        ),
        (
            RotationInterval::Week(4),
            13,
            Zone::utc(),
            "2026-11-20T12:00:00Z",
            "2026-11-13T13:00:00Z 2026-11-20T13:00:00Z",
            "2026-11-13",
        ),
        (
            RotationInterval::Week(6),
            0,
            Zone::utc(),
            "2026-11-22T00:00:00Z",
            "2026-11-22T00:00:00Z 2026-11-29T00:00:00Z",
            "2026-11-22",
        ),
        // The days of 23 and 25 hours.
        (
            RotationInterval::Day,
            0,
            vienna(),
            "2026-03-29T12:00:00Z",
            "2026-03-28T23:00:00Z 2026-03-29T22:00:00Z",
            "2026-03-29",
        ),
        (
            RotationInterval::Day,
            0,
            vienna(),
            "2026-10-25T12:00:00Z",
            "2026-10-24T22:00:00Z 2026-10-25T23:00:00Z",
            "2026-10-25",
        ),
        // An hour that the clock skips begins when it has been skipped.
        (
            RotationInterval::Day,
            2,
            vienna(),
            "2026-03-29T12:00:00Z",
            "2026-03-29T01:00:00Z 2026-03-30T00:00:00Z",
            "2026-03-29",
        ),
        // The hour that there is twice has two periods of one name.
        (
            RotationInterval::Hour,
            0,
            vienna(),
            "2026-10-25T00:30:00Z",
            "2026-10-25T00:00:00Z 2026-10-25T01:00:00Z",
            "2026-10-25_02",
        ),
        (
            RotationInterval::Hour,
            0,
            vienna(),
            "2026-10-25T01:30:00Z",
            "2026-10-25T01:00:00Z 2026-10-25T02:00:00Z",
            "2026-10-25_02",
        ),
    ];
    for (every, hour, zone, now, expected, suffix) in cases {
        let schedule = schedule(every, hour, zone);
        let period = schedule.period(at(now));
        assert_eq!(show(period), expected, "{every:?} at {hour} for {now}");
        assert_eq!(schedule.suffix(period), suffix);
    }
}

#[test]
fn periods_follow_one_another_without_gap_across_clock_changes() {
    for every in [RotationInterval::Hour, RotationInterval::Day, RotationInterval::Week(2)] {
        for hour in [0, 2, 3] {
            let schedule = schedule(every, hour, vienna());
            let mut now = at("2026-01-01T00:00:00Z");
            let mut period = schedule.period(now);
            while now < at("2027-01-01T00:00:00Z") {
                assert!(
                    period.start <= seconds(now).0 && period.holds(seconds(now).0),
                    "{every:?} {hour} {now:?}"
                );
                now += Duration::from_secs(1800);
                let next = schedule.period(now);
                if next != period {
                    assert_eq!(next.start, period.until, "{every:?} at {hour}: a gap before {now:?}");
                    period = next;
                }
            }
        }
    }
}

#[test]
fn a_late_line_stays_and_a_clock_set_back_starts_a_new_file() {
    let day = |start: i64| Period { start: start * 86_400, until: (start + 1) * 86_400 };
    assert!(day(10).ends_before(day(11)));
    assert!(!day(10).ends_before(day(10)));
    assert!(!day(10).ends_before(day(9)));
    assert!(day(10).ends_before(day(8)));
    assert!(!Period::ALWAYS.ends_before(Period::ALWAYS));
}

#[test]
fn only_names_of_our_own_are_read() {
    let daily = FileNames::new("shop.log".into(), Some(schedule(RotationInterval::Day, 0, Zone::utc())));
    let hourly = FileNames::new("shop.log".into(), Some(schedule(RotationInterval::Hour, 0, Zone::utc())));
    let numbered = FileNames::new("shop.log".into(), None);
    let date = |text: &str, count| RotationKey::Date(text.to_owned(), count);
    let own = [
        (&daily, "shop.log.2026-11-20", date("2026-11-20", 0), Packing::Plain),
        (&daily, "shop.log.2026-11-20.2", date("2026-11-20", 2), Packing::Plain),
        (&daily, "shop.log.2026-11-20.2.gz", date("2026-11-20", 2), Packing::Gzip),
        (&hourly, "shop.log.2026-11-20_13.zst", date("2026-11-20_13", 0), Packing::Zstd),
        (&numbered, "shop.log.12", RotationKey::Number(12), Packing::Plain),
        (&numbered, "shop.log.1.gz", RotationKey::Number(1), Packing::Gzip),
    ];
    for (names, name, key, packing) in own {
        assert_eq!(names.parse(name), Some((key.clone(), packing)), "{name}");
        assert_eq!(names.of(&key, packing), name);
    }
    let foreign = [
        "shop.log",
        "shop.log.",
        "shop.log.bak",
        "shop.log.gz",
        "shop.log.01",
        "shop.log.0",
        "shop.log.+1",
        "shop.log.1.old",
        "shop.log2",
        "shop.log.2026-11-20.orig",
        "shop.log.2026-02-31",
        "shop.log.2026-11-20.01",
        "shop.log.2026-11-2é",
        "shop.log.2026-11-20.gz.gz",
        "shop.log.2026-11-20_25",
        "shop.login.2026-11-20",
        "my-shop.log.1",
        ".shop.log.lock",
        "shop.log.99999999999999999999",
    ];
    for name in foreign {
        for names in [&daily, &hourly, &numbered] {
            assert_eq!(names.parse(name), None, "{name}");
        }
    }
    assert_eq!(daily.parse("shop.log.1"), None);
    assert_eq!(numbered.parse("shop.log.2026-11-20"), None);
}

#[test]
fn a_taken_name_gets_the_next_number_and_never_an_old_one() {
    let names = FileNames::new("shop.log".into(), Some(schedule(RotationInterval::Day, 0, Zone::utc())));
    let period = names.schedule.as_ref().unwrap().period(at("2026-11-20T12:00:00Z"));
    let key = |count| RotationKey::Date("2026-11-20".to_owned(), count);
    assert_eq!(names.next(period, &[], &[]), key(0));
    assert_eq!(names.next(period, &[key(0)], &[]), key(1));
    assert_eq!(names.next(period, &[key(7), key(3)], &[]), key(8));
    assert_eq!(names.next(period, &[key(0)], &[key(1)]), key(2), "a folder has the name");
    assert!(key(8).is_newer_than(&key(7)) && RotationKey::Number(1).is_newer_than(&RotationKey::Number(2)));
}

#[test]
fn numbers_move_up_to_the_next_gap_and_past_foreign_names() {
    let cases = [
        (vec![], vec![], 1, vec![]),
        (vec![1, 2, 3], vec![], 1, vec![(3, 4), (2, 3), (1, 2)]),
        (vec![1, 2, 4, 5], vec![], 1, vec![(2, 3), (1, 2)]),
        (vec![2, 3], vec![], 1, vec![]),
        (vec![2, 3], vec![1], 2, vec![(3, 4), (2, 3)]),
        (vec![1, 2, 4], vec![3], 1, vec![(4, 5), (2, 4), (1, 2)]),
        (vec![1], vec![2, 3], 1, vec![(1, 4)]),
    ];
    let keys =
        |numbers: &[u32]| -> Vec<RotationKey> { numbers.iter().copied().map(RotationKey::Number).collect() };
    for (taken, foreign, first, moves) in cases {
        assert_eq!(shifts(&keys(&taken), &keys(&foreign)), (first, moves), "{taken:?} {foreign:?}");
    }
}

#[test]
fn a_pattern_names_rotated_files_and_no_others() {
    let day = || Some(schedule(RotationInterval::Day, 0, Zone::utc()));
    let date = RotationKey::Date("2026-11-20".into(), 0);
    let second = RotationKey::Date("2026-11-20".into(), 2);
    let cases = [
        ("shop.log", "shop.{date}.log", &date, "shop.2026-11-20.log"),
        ("shop.log", "{stem}.{date}{extension}", &second, "shop.2026-11-20.2.log"),
        ("shop", "{stem}-{date}{extension}", &date, "shop-2026-11-20"),
        (".shop.log", "{stem}.{date}{extension}", &date, ".shop.2026-11-20.log"),
        ("shop.log", "shop.log.{date}", &date, "shop.log.2026-11-20"),
        ("shop.log", "{stem}.{number}{extension}", &RotationKey::Number(3), "shop.3.log"),
    ];
    for (base, pattern, key, expected) in cases {
        let is_dated = matches!(key, RotationKey::Date(..));
        let pattern = NamePattern::new(pattern, base, is_dated).unwrap();
        let names = FileNames::new(base.into(), day().filter(|_| is_dated)).with_pattern(Some(&pattern));
        for packing in [Packing::Plain, Packing::Gzip, Packing::Zstd] {
            let name = format!("{expected}{}", packing.extension());
            assert_eq!(names.of(key, packing), name);
            assert_eq!(names.parse(&name), Some((key.clone(), packing)), "{name}");
        }
        for foreign in
            [base, "shop.2026-11-20.log.bak", "shop.01.log", "shop.bak.log", "other.2026-11-20.log"]
        {
            assert_eq!(names.parse(foreign), None, "{foreign} is not a rotated file of {base}");
        }
    }
}

#[test]
fn a_pattern_that_makes_no_sense_says_what_is_expected() {
    let cases = [
        ("shop.log", true, "has no `{date}`"),
        ("shop.{number}.log", true, "has `{number}`, but the file is rotated by time"),
        ("shop.{date}.log", false, "has `{date}`, but the file is not rotated by time"),
        ("shop.{date}.{date}", true, "has braces around something else"),
        ("old/shop.{date}.log", true, "names a folder"),
        ("{date}.log", true, "does not begin with the name of the log"),
        ("shop.log.packing.{number}", false, "files that are being compressed"),
    ];
    for (pattern, is_dated, reason) in cases {
        let error = NamePattern::new(pattern, "shop.log", is_dated).unwrap_err();
        assert!(error.reason().contains(reason), "{pattern}: {}", error.reason());
    }
}
