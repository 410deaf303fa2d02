//! A check of MarkdownV2 for reserved characters that are not escaped.

/// Checks the reserved characters outside code; pairs of other marks are not checked.
pub(crate) fn check(source: &str) -> Result<(), String> {
    let mut code = false;
    let mut escaped = false;
    for c in source.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '`' => code = !code,
            '#' | '+' | '-' | '=' | '{' | '}' | '.' if !code => {
                return Err(format!(
                    "Character '{c}' is reserved and must be escaped with the preceding '\\'"
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn names_the_reserved_character() {
        assert_eq!(
            check("a.b"),
            Err(r"Character '.' is reserved and must be escaped with the preceding '\'".to_owned())
        );
        assert_eq!(check(r"a\.b `a.b`"), Ok(()));
    }
}
