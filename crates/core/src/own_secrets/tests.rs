//! The forms in which a credential is found.

use super::OwnSecrets;
use crate::marks::MASK;

const SECRET: &str = "p\"ss/w<rd 9+é";

fn own(secrets: &[&str]) -> OwnSecrets {
    let mut own = OwnSecrets::default();
    secrets.iter().for_each(|secret| own.insert(secret));
    own
}

#[test]
fn each_form_of_a_credential_is_masked() {
    let own = own(&[SECRET]);
    for form in [
        SECRET,
        "p\\\"ss/w<rd 9+é",
        "p%22ss%2Fw%3Crd%209%2B%C3%A9",
        "p%22ss%2fw%3crd%209%2b%c3%a9",
        "p%22ss%2Fw%3Crd+9%2B%C3%A9",
        "p&quot;ss/w&lt;rd 9+é",
    ] {
        assert_eq!(own.find_and_mask(&format!("é{form}é")), format!("é{MASK}é"), "{form}");
        assert!(own.contains_any(format!("é{form}é").as_bytes()), "{form}");
    }
}

/// As in `Authorization: Basic`, where the user stands before the password.
#[test]
fn base64_is_found_at_each_offset() {
    let own = own(&["correct-horse"]);
    // "u:correct-horse", "us:correct-horse", "use:correct-horse", "user:correct-horse", without padding
    for text in [
        "dTpjb3JyZWN0LWhvcnNl",
        "dXM6Y29ycmVjdC1ob3JzZQ",
        "dXNlOmNvcnJlY3QtaG9yc2U",
        "dXNlcjpjb3JyZWN0LWhvcnNl",
    ] {
        assert!(own.contains_any(text.as_bytes()), "{text}");
        assert!(own.find_and_mask(text).contains(MASK), "{text}");
    }
}

#[test]
fn other_text_is_borrowed() {
    let own = own(&["correct-horse", "short"]);
    for text in ["", "correct", "short", "correct-hors", "a correct horse", "incorrect-hose"] {
        let cut = text == "correct-hors";
        assert_eq!(own.find_and_mask(text), if cut { MASK } else { text });
        assert!(!own.contains_any(text.as_bytes()));
    }
    assert_eq!(OwnSecrets::default().find_and_mask("correct-horse"), "correct-horse");
}

#[test]
fn a_credential_cut_by_the_end_is_masked() {
    let own = own(&["correct-horse"]);
    assert_eq!(own.find_and_mask("key correct-h"), "key [redacted]");
    assert_eq!(own.find_and_mask("key correct"), "key correct");
    assert_eq!(own.find_and_mask_cut("key correct"), "key [redacted]");
    assert_eq!(own.find_and_mask_cut("key cor"), "key [redacted]");
    assert_eq!(own.find_and_mask_cut("key co"), "key co");
    assert_eq!(own.find_and_mask_cut(""), "");
}

#[test]
fn overlapping_credentials_leave_nothing() {
    let own = own(&["abcdefghij", "efghijklmnop", "abcdefghijkl"]);
    assert_eq!(own.find_and_mask("xabcdefghijklmnopx"), "x[redacted]x");
    assert_eq!(own.find_and_mask("abcdefghijabcdefghij"), "[redacted][redacted]");
    assert!(!format!("{own:?}").contains("abcdef"));
}
