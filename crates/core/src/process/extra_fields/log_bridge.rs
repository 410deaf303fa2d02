//! Records of the `log` crate, with their key-values.

use std::cell::RefCell;

use log::{
    Log, Metadata, Record,
    kv::{Error, Key, Value, VisitSource},
};
use tracing_core::LevelFilter;
use tracing_log::AsTrace;

use crate::{ConfigError, FIELDS_LEFT_OUT, Rewrite, process};

/// Hands the records of the `log` crate to `tracing`, in place of `tracing_log::LogTracer`, which leaves out their
/// key-values. Watchfire's layers show these as fields.
///
/// # Errors
/// If another logger is installed; `tracing-subscriber` installs one in `init` with its feature `tracing-log`.
pub fn bridge_log() -> Result<(), ConfigError> {
    log::set_logger(&Bridge).map_err(|_| {
        let reason =
            "another logger is installed; expected none, and tracing-subscriber without `tracing-log`";
        ConfigError::new("log", reason)
    })?;
    log::set_max_level(log::LevelFilter::Trace);
    Ok(())
}

struct Bridge;

thread_local! {
    /// The key-values of the record that this thread hands on.
    static VALUES: RefCell<Option<Rewrite>> = const { RefCell::new(None) };
}

/// Returns the key-values of the record that this thread hands on.
pub(super) fn values() -> Option<Rewrite> {
    VALUES.try_with(|values| values.borrow().clone()).ok().flatten()
}

impl Log for Bridge {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level().as_trace() <= LevelFilter::current()
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        // Values are formatted first: one that logs while it is formatted sends another record.
        let mut found = Values { kept: None, left_out: 0 };
        record.key_values().visit(&mut found).unwrap_or_default();
        let found = found.end();
        let _during = During(VALUES.try_with(|values| values.replace(found)).ok().flatten());
        tracing_log::format_trace(record).unwrap_or_default();
    }

    fn flush(&self) {}
}

/// Puts back what was there before, also after a panic.
struct During(Option<Rewrite>);

impl Drop for During {
    fn drop(&mut self) {
        let before = self.0.take();
        VALUES.try_with(|values| values.replace(before)).ok();
    }
}

/// The key-values of one record.
struct Values {
    kept: Option<Rewrite>,
    left_out: u64,
}

/// More than these of one record are left out, and counted.
const MOST: usize = 64;

impl Values {
    fn end(self) -> Option<Rewrite> {
        match self.left_out {
            0 => self.kept,
            left_out => Some(self.kept.unwrap_or_default().set(FIELDS_LEFT_OUT, left_out)),
        }
    }
}

impl<'kvs> VisitSource<'kvs> for Values {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        let so_far = self.kept.take().unwrap_or_default();
        // A message stays that of the record.
        let name = if key.as_str() == "message" { "message_" } else { key.as_str() };
        let has_room = so_far.fields_set() < MOST && process::may_name(name);
        self.left_out += u64::from(!has_room);
        self.kept = Some(if has_room { so_far.set(name, owned(&value)) } else { so_far });
        Ok(())
    }
}

fn owned(value: &Value<'_>) -> crate::Value {
    if let Some(text) = value.to_borrowed_str() {
        return text.into();
    }
    if let Some(on) = value.to_bool() {
        return crate::Value::Bool(on);
    }
    if let Some(number) = value.to_i64() {
        return crate::Value::I64(number);
    }
    if let Some(number) = value.to_u64() {
        return crate::Value::U64(number);
    }
    if let Some(number) = value.to_i128() {
        return crate::Value::I128(number);
    }
    if let Some(number) = value.to_f64() {
        return crate::Value::F64(number);
    }
    let mut text = String::new();
    crate::append(&mut text, crate::Limits::default().value, format_args!("{value}"));
    crate::Value::Debug(text.into())
}
