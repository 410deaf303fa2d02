//! Tests of segments.

use proptest::prelude::*;

use super::*;

#[test]
fn counts_what_the_tables_say() {
    use Alphabet::{Gsm7, Ucs2};
    let cases = [
        (String::new(), Gsm7, 0, 1),
        ("a".repeat(160), Gsm7, 160, 1),
        ("a".repeat(161), Gsm7, 161, 2),
        ("a".repeat(306), Gsm7, 306, 2),
        ("a".repeat(307), Gsm7, 307, 3),
        ("€".repeat(80), Gsm7, 160, 1),
        ("€".repeat(81), Gsm7, 162, 2),
        // 76 pairs in 153 septets: the last one stays empty.
        ("€".repeat(153), Gsm7, 306, 3),
        ("@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà\n\r".to_owned(), Gsm7, 44, 1),
        ("^{}\\[~]|€\u{c}".to_owned(), Gsm7, 20, 1),
        ("`".repeat(70), Ucs2, 70, 1),
        ("`".repeat(71), Ucs2, 71, 2),
        ("ç".to_owned(), Ucs2, 1, 1),
        ("я".repeat(134), Ucs2, 134, 2),
        ("я".repeat(135), Ucs2, 135, 3),
        ("😀".repeat(35), Ucs2, 70, 1),
        // 33 pairs in 67 units.
        ("😀".repeat(36), Ucs2, 72, 2),
        ("😀".repeat(67), Ucs2, 134, 3),
        // A family of eleven units is one piece: six of them fit into 67.
        ("👨‍👩‍👧‍👦".repeat(7), Ucs2, 77, 2),
        ("👨‍👩‍👧‍👦".repeat(12), Ucs2, 132, 2),
        ("👨‍👩‍👧‍👦".repeat(13), Ucs2, 143, 3),
    ];
    for (text, alphabet, units, count) in cases {
        let start: String = text.chars().take(3).collect();
        assert_eq!(
            Segments::of(&text),
            Segments { alphabet, units, count },
            "{} bytes of {start}",
            text.len()
        );
    }
}

#[test]
fn stays_in_the_cheap_alphabet_where_that_loses_little() {
    let cases = [
        ("“refused” – 5 € … → later", "\"refused\" - 5 € ... -> later"),
        ("naïve café, Łódź, Ångström, ıİ, œuvre", "naive café, Lodz, Ångström, iI, oeuvre"),
        ("it`s\u{a0}down\u{200b}\u{202e}!", "it's down!"),
        ("payment failed 😀😀 again and again", "payment failed ? again and again"),
        ("e\u{301} in decomposed form", "e in decomposed form"),
        ("платёж отклонён", "платёж отклонён"),
        ("支払いに失敗しました", "支払いに失敗しました"),
    ];
    for (text, expected) in cases {
        assert_eq!(economical(text), expected, "{text}");
    }
    assert_eq!(gsm_only("платёж"), "?");
    assert_eq!(gsm_only("ok 支払 ok"), "ok ? ok");
}

#[test]
fn a_text_is_whole_if_it_fits_else_cut_between_characters() {
    assert_eq!(fit("[", "abc", "]", 1), "[abc]");
    assert_eq!(fit("", &"a".repeat(200), " (1)", 1), format!("{}... (1)", "a".repeat(153)));
    assert_eq!(fit("", &"€".repeat(100), "", 1), format!("{}...", "€".repeat(78)));
    assert_eq!(fit("", &"👨‍👩‍👧‍👦".repeat(9), "", 1), format!("{}...", "👨‍👩‍👧‍👦".repeat(6)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_brought_within_any_number_of_segments(text in any::<String>(), times in 1_usize..60, most in 1_usize..10) {
        let text = text.repeat(times);
        for text in [economical(&text), gsm_only(&text)] {
            let cut = fit("x: ", &text, " (1)", most);
            prop_assert!(Segments::of(&cut).count <= most, "{:?}", Segments::of(&cut));
            prop_assert!(cut.starts_with("x: ") && cut.ends_with(" (1)"));
        }
        prop_assert_eq!(Segments::of(&gsm_only(&text)).alphabet, Alphabet::Gsm7);
    }

    #[test]
    fn as_many_segments_as_are_counted_hold_the_text(text in any::<String>(), times in 1_usize..60) {
        let text = text.repeat(times);
        let Segments { alphabet, units, count } = Segments::of(&text);
        let (single, part, longest) = match alphabet {
            Alphabet::Gsm7 => (160, 153, 2),
            Alphabet::Ucs2 => (70, 67, pieces(&text).map(|piece| piece.encode_utf16().count()).max().unwrap_or(0)),
        };
        prop_assert_eq!(count == 1, units <= single);
        prop_assert!(count == 1 || units <= count * part.max(longest));
        prop_assert!(count == 1 || longest > part / 2 || units > (count - 1) * (part - longest));
    }
}
