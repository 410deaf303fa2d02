//! Read letters of other alphabets that look like Latin ones: `pаssword` with a Cyrillic `а`, `passwörd`.

/// What other languages call a password.
const NATIVE: &[&str] = &[
    "пароль",
    "секрет",
    "κωδικός",
    "密码",
    "密碼",
    "口令",
    "パスワード",
    "暗証番号",
    "비밀번호",
    "암호",
    "סיסמה",
    "كلمة المرور",
    "كلمة_المرور",
    "รหัสผ่าน",
    "şifre",
    "mật_khẩu",
];

/// Says whether a name has one of these words in it.
pub(super) fn is_native_password(name: &[u8]) -> bool {
    let name = String::from_utf8_lossy(name).to_lowercase();
    NATIVE.iter().any(|word| name.contains(word))
}

/// Writes a name in ASCII letters, as far as its letters look like some. What is invisible is left out.
pub(super) fn fold(name: &[u8]) -> String {
    let mut out = String::with_capacity(name.len());
    for char in String::from_utf8_lossy(name).chars() {
        match latin(char) {
            Some('\0') => {}
            Some(latin) => out.push(latin),
            None => out.push(char),
        }
    }
    out
}

fn latin(char: char) -> Option<char> {
    Some(match char {
        'а' | 'à'..='å' | 'ā' | 'ă' | 'ą' | 'ǎ' | 'α' | 'ɑ' | 'ạ' | 'ả' | 'ậ' => 'a',
        'А' | 'À'..='Å' | 'Ā' | 'Ă' | 'Ą' | 'Α' => 'A',
        'Ь' | 'ь' => 'b',
        'с' | 'ç' | 'ć' | 'č' | 'ϲ' => 'c',
        'С' | 'Ç' | 'Ć' | 'Č' => 'C',
        'ԁ' | 'ď' | 'đ' => 'd',
        'е' | 'ё' | 'è'..='ë' | 'ē' | 'ę' | 'ě' | 'ė' => 'e',
        'Е' | 'È'..='Ë' | 'Ē' | 'Ę' | 'Ě' | 'Ε' => 'E',
        'ɡ' | 'ğ' => 'g',
        'һ' => 'h',
        'і' | 'ı' | 'ì'..='ï' | 'ī' | 'ι' => 'i',
        'І' | 'Ì'..='Ï' | 'İ' | 'Ι' => 'I',
        'ј' => 'j',
        'к' | 'κ' => 'k',
        'К' | 'Κ' => 'K',
        'ł' | 'ӏ' => 'l',
        'м' => 'm',
        'М' | 'Μ' => 'M',
        'ñ' | 'ń' | 'ň' => 'n',
        'Ñ' | 'Ν' => 'N',
        'о' | 'ò'..='ö' | 'ø' | 'ō' | 'ő' | 'ο' => 'o',
        'О' | 'Ò'..='Ö' | 'Ø' | 'Ο' => 'O',
        'р' | 'ρ' => 'p',
        'Р' | 'Ρ' => 'P',
        'ѕ' | 'ś' | 'š' | 'ş' | 'ș' => 's',
        'Ѕ' | 'Ś' | 'Š' | 'Ş' => 'S',
        'ß' => 's',
        'т' | 'ť' | 'τ' => 't',
        'Т' | 'Τ' => 'T',
        'ù'..='ü' | 'ū' | 'ů' | 'ű' => 'u',
        'Ù'..='Ü' | 'Ū' | 'Ů' | 'Ű' => 'U',
        'ѵ' | 'ν' => 'v',
        'ԝ' | 'ω' => 'w',
        'х' | 'χ' => 'x',
        'Х' | 'Χ' => 'X',
        'у' | 'ý' | 'ÿ' | 'γ' => 'y',
        'У' | 'Υ' | 'Ý' => 'Y',
        'ź' | 'ż' | 'ž' => 'z',
        'Ζ' | 'Ź' | 'Ż' | 'Ž' => 'Z',
        // Full width.
        'ａ'..='ｚ' | 'Ａ'..='Ｚ' | '０'..='９' | '＿' => {
            u32::from(char).checked_sub(0xfee0).and_then(char::from_u32).unwrap_or(char)
        }
        // Marks over the letter before, and characters without width.
        '\u{300}'..='\u{36f}' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' => '\0',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_that_look_alike_are_read_alike() {
        for name in
            ["pаsswоrd", "passwörd", "ｐａｓｓｗｏｒｄ", "pass\u{200b}word", "pa\u{301}ssword", "ρassωord"]
        {
            assert_eq!(fold(name.as_bytes()), "password", "{name}");
        }
        assert_eq!(fold("日本".as_bytes()), "日本");
        assert!(is_native_password("мой_Пароль".as_bytes()) && !is_native_password("имя".as_bytes()));
    }
}
