//! Read TOML into settings, with the place of each.

use toml::{
    Spanned,
    de::{DeInteger, DeTable, DeValue},
};

use crate::{
    diagnostics::{Finding, Findings},
    excerpt::Scalar,
    setting::{Options, Setting},
    source_map::{Path, SourceMap},
};

/// Reads a text; a part that cannot be read is an error, and the rest is kept.
pub(crate) fn read(text: &str, findings: &mut Findings) -> (Options, SourceMap) {
    let mut source_map = SourceMap::default();
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let reason = error.message().replace('\n', ", ");
        findings.add(Finding::syntax(format!("is not valid TOML: {reason}")).at(error.span()));
    }
    let root = Path::default();
    source_map.note(root.clone(), None, 0..0, None);
    let mut reader = Reader { source_map, findings };
    let options = reader.table(document.get_ref(), &root);
    (options, reader.source_map)
}

struct Reader<'a> {
    source_map: SourceMap,
    findings: &'a mut Findings,
}

impl Reader<'_> {
    fn table(&mut self, table: &DeTable<'_>, path: &Path) -> Options {
        let mut entries: Vec<_> = table.iter().collect();
        // The parser sorts by name; people mean the order of their text.
        entries.sort_by_key(|(key, _)| key.span().start);
        let read = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
            let name: &str = AsRef::<str>::as_ref(key.get_ref() as &std::borrow::Cow<'_, str>);
            let path = path.child(name);
            self.source_map.note(path.clone(), Some(key.span()), value.span(), scalar(value.get_ref()));
            (name.to_owned(), self.value(value, &path))
        };
        entries.into_iter().map(read).collect()
    }

    fn value(&mut self, value: &Spanned<DeValue<'_>>, path: &Path) -> Setting {
        match value.get_ref() {
            DeValue::String(text) => Setting::Text(text.clone().into_owned()),
            DeValue::Integer(number) => match integer(number) {
                Some(number) => Setting::Integer(number),
                None => self.refuse(path, value, "is too large a number"),
            },
            DeValue::Float(number) => match number.as_str().parse() {
                Ok(number) => Setting::Float(number),
                Err(_) => self.refuse(path, value, "is not a number"),
            },
            DeValue::Boolean(on) => Setting::Bool(*on),
            DeValue::Datetime(_) => self.refuse(path, value, "is a date; no key takes one"),
            DeValue::Array(list) => {
                let mut settings = Vec::new();
                for (i, entry) in list.iter().enumerate() {
                    let path = path.child(i);
                    self.source_map.note(path.clone(), None, entry.span(), scalar(entry.get_ref()));
                    settings.push(self.value(entry, &path));
                }
                Setting::List(settings)
            }
            DeValue::Table(table) => Setting::Table(self.table(table, path)),
        }
    }

    fn refuse(&mut self, path: &Path, value: &Spanned<DeValue<'_>>, reason: &str) -> Setting {
        self.findings.add(Finding::new(path, reason).at(Some(value.span())));
        Setting::Unresolved
    }
}

fn scalar(value: &DeValue<'_>) -> Option<Scalar> {
    let digits = |number: &str| number.chars().filter(char::is_ascii_alphanumeric).count();
    Some(match value {
        DeValue::String(text) => Scalar::Text(text.chars().count()),
        DeValue::Integer(number) => Scalar::Number(digits(number.as_str())),
        DeValue::Float(number) => Scalar::Number(digits(number.as_str())),
        DeValue::Boolean(_) => Scalar::Bool,
        DeValue::Datetime(_) => Scalar::Date,
        DeValue::Array(_) | DeValue::Table(_) => return None,
    })
}

fn integer(number: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}
