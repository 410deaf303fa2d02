//! Callsites made at run time.

use std::sync::OnceLock;

use tracing::{
    Callsite, Level, Metadata, callsite::Identifier, field::FieldSet, metadata::Kind, subscriber::Interest,
};

struct FakeSite(OnceLock<Metadata<'static>>);

impl Callsite for FakeSite {
    fn set_interest(&self, _: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        self.0.get().unwrap()
    }
}

/// Makes a callsite that lives as long as the process.
pub(crate) fn site(
    kind: Kind,
    name: &'static str,
    target: &'static str,
    level: Level,
    fields: &'static [&'static str],
) -> &'static Metadata<'static> {
    let site: &'static FakeSite = Box::leak(Box::new(FakeSite(OnceLock::new())));
    let fields = FieldSet::new(fields, Identifier(site));
    site.0.get_or_init(|| Metadata::new(name, target, level, None, None, None, fields, kind))
}
