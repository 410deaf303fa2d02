//! One span of the chain an event stands in, with its fields as they were given.

use std::{
    fmt,
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use tracing_core::{Level, Metadata};

use crate::{
    Redactor, Value,
    fields::FieldList,
    process::try_lock_for_a_while,
    span_text::{SpanTexts, TextKey},
};

/// One span of the chain an event stands in: its metadata, its fields, and its parent.
///
/// One node per span is shared by all handler layers. The fields given when the span was made are immutable and read
/// without a lock; those recorded later are merged by name behind a lock that is looked at only if there are any.
/// Values are capped when they are recorded. What is shown of them is redacted by the default rules; a reader with rules
/// of its own applies these to what was given, so that no layer's rules are another's.
pub struct SpanNode {
    metadata: &'static Metadata<'static>,
    parent: Option<Arc<SpanNode>>,
    depth: u32,
    first: Fields,
    late: Mutex<Fields>,
    version: AtomicU32,
    texts: SpanTexts,
}

/// Fields as the default rules show them, and the values that these rules mask.
#[derive(Clone, Default)]
struct Fields {
    shown: FieldList,
    masked: FieldList,
}

static DEFAULT: LazyLock<Redactor> = LazyLock::new(Redactor::default);

impl Fields {
    fn of(given: FieldList) -> Self {
        let mut fields = Self { shown: given, masked: Vec::new() };
        for (name, value) in &mut fields.shown {
            if let Some(shown) = redacted(&DEFAULT, name, value) {
                fields.masked.push((name, std::mem::replace(value, shown)));
            }
        }
        fields
    }

    /// Returns the value that was given, if it is masked.
    fn given(&self, name: &str) -> Option<&Value> {
        self.masked.iter().rev().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    fn merge(&mut self, other: Self) {
        self.masked.retain(|(name, _)| other.shown.iter().all(|(new, _)| new != name));
        merge(&mut self.masked, other.masked);
        merge(&mut self.shown, other.shown);
    }
}

fn redacted(redactor: &Redactor, name: &'static str, value: &Value) -> Option<Value> {
    redactor.shown(redactor.judge_field(name), value)
}

/// Drops a chain link by link: a recursion would need a stack as deep as the spans are nested.
impl Drop for SpanNode {
    fn drop(&mut self) {
        let mut parent = self.parent.take();
        while let Some(mut node) = parent.and_then(Arc::into_inner) {
            parent = node.parent.take();
        }
    }
}

impl SpanNode {
    pub(crate) fn new(
        metadata: &'static Metadata<'static>,
        parent: Option<Arc<Self>>,
        fields: FieldList,
    ) -> Self {
        Self {
            metadata,
            depth: depth_below(parent.as_ref()),
            parent,
            first: Fields::of(fields),
            late: Mutex::default(),
            version: AtomicU32::new(0),
            texts: SpanTexts::default(),
        }
    }

    /// Makes the same span below another parent: a layer that sees more spans found the deeper chain.
    pub(crate) fn relinked(&self, parent: Option<Arc<Self>>) -> Self {
        let late = self.late();
        Self {
            metadata: self.metadata,
            depth: depth_below(parent.as_ref()),
            parent,
            first: self.first.clone(),
            version: AtomicU32::new(u32::from(!late.shown.is_empty())),
            texts: SpanTexts::default(),
            late: Mutex::new(late),
        }
    }

    /// Returns the span's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.metadata.name()
    }

    /// Returns the span's target.
    #[must_use]
    pub fn target(&self) -> &'static str {
        self.metadata.target()
    }

    /// Returns the span's level.
    #[must_use]
    pub fn level(&self) -> Level {
        *self.metadata.level()
    }

    /// Returns the span's metadata.
    #[must_use]
    pub fn metadata(&self) -> &'static Metadata<'static> {
        self.metadata
    }

    /// Returns the span around this one.
    #[must_use]
    pub fn parent(&self) -> Option<&Arc<Self>> {
        self.parent.as_ref()
    }

    /// Returns the length of the chain from the root to here: 1 for a root.
    #[must_use]
    pub fn depth(&self) -> u32 {
        self.depth
    }

    /// Walks the chain from this span to the root.
    pub fn chain(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |node| node.parent.as_deref())
    }

    /// Returns a number that changes when a field anywhere on the chain does: the key of a cached rendering.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.chain().map(|node| u64::from(node.version.load(Ordering::Acquire))).sum()
    }

    /// Appends the text of the chain that ends here; `render` makes it, once per key and state of the fields.
    pub(crate) fn write_text(&self, key: TextKey, out: &mut String, render: impl FnOnce(&mut String)) {
        // Read before the fields are: a text that is newer than its version is made again, an older one never kept.
        self.texts.write(key, self.version(), out, render);
    }

    /// Tells whether all fields are those that were given when the span was made.
    pub(crate) fn is_as_made(&self) -> bool {
        self.version.load(Ordering::Acquire) == 0
    }

    /// Walks the fields that were given when the span was made.
    pub(crate) fn first(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.first.shown.iter().map(|(name, value)| (*name, value))
    }

    /// Calls `visit` with each field, in the order of their first recording.
    pub fn visit(&self, visit: &mut dyn FnMut(&'static str, &Value)) {
        if self.version.load(Ordering::Acquire) == 0 {
            for (name, value) in &self.first.shown {
                visit(name, value);
            }
            return;
        }
        // Copied out: `visit` may be a user's code, and no lock is held while that runs.
        for (name, value) in self.fields() {
            visit(name, &value);
        }
    }

    /// Calls `look` with each field, in place: it is code of ours, which formats no user's value and takes no lock.
    pub(crate) fn look(&self, look: &mut dyn FnMut(&'static str, &Value)) {
        if self.version.load(Ordering::Acquire) == 0 {
            return self.visit(look);
        }
        let Some(late) = try_lock_for_a_while(&self.late) else { return };
        for (name, value) in &self.first.shown {
            if late.shown.iter().all(|(known, _)| known != name) {
                look(name, value);
            }
        }
        for (name, value) in &late.shown {
            look(name, value);
        }
    }

    /// Calls `visit` with each field as `redactor` lets it be shown.
    ///
    /// The default rules were applied when the fields were recorded.
    pub fn visit_redacted(&self, redactor: &Redactor, visit: &mut dyn FnMut(&'static str, &Value)) {
        if redactor.is_default() {
            return self.visit(visit);
        }
        // Copied out: `visit` may be a user's code, and no lock is held while that runs.
        let late = self.late();
        let is_late = |name: &str| late.shown.iter().any(|(known, _)| *known == name);
        for (name, value) in self.fields() {
            let given = if is_late(name) { late.given(name) } else { self.first.given(name) };
            let given = given.unwrap_or(&value);
            match redacted(redactor, name, given) {
                Some(shown) => visit(name, &shown),
                None => visit(name, given),
            }
        }
    }

    /// Returns a copy of the fields as they are now.
    #[must_use]
    pub fn fields(&self) -> Vec<(&'static str, Value)> {
        let mut all = self.first.shown.clone();
        merge(&mut all, self.late().shown);
        all
    }

    /// Returns a copy of the fields recorded later; none if a forked child finds their lock held for ever.
    fn late(&self) -> Fields {
        try_lock_for_a_while(&self.late).map(|late| late.clone()).unwrap_or_default()
    }

    /// Takes fields recorded later, redacted by the default rules or by those of another layer; by name, so that several
    /// layers may do it.
    pub(crate) fn merge(&self, fields: FieldList) {
        if fields.is_empty() {
            return;
        }
        // Redacted before the lock is taken.
        let fields = Fields::of(fields);
        if let Some(mut late) = try_lock_for_a_while(&self.late) {
            late.merge(fields);
        }
        self.version.fetch_add(1, Ordering::Release);
    }
}

impl fmt::Debug for SpanNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpanNode")
            .field("name", &self.name())
            .field("fields", &self.fields())
            .finish_non_exhaustive()
    }
}

fn depth_below(parent: Option<&Arc<SpanNode>>) -> u32 {
    parent.map_or(1, |parent| parent.depth.saturating_add(1))
}

fn merge(into: &mut FieldList, from: FieldList) {
    for (name, value) in from {
        match into.iter_mut().find(|(known, _)| *known == name) {
            Some(field) => field.1 = value,
            None => into.push((name, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deep_chain_is_dropped_without_a_deep_stack() {
        let span = tracing::info_span!("deep");
        let metadata = span.metadata().unwrap();
        let mut chain = None;
        for _ in 0..100_000 {
            chain = Some(Arc::new(SpanNode::new(metadata, chain, Vec::new())));
        }
        let small = std::thread::Builder::new().stack_size(64 * 1024);
        small.spawn(move || drop(chain)).unwrap().join().unwrap();
    }
}
