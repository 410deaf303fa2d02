//! The JSON Schema of a configuration, for editors: made of the same list that the checks use.

use crate::{
    keys::{self, KeySpec, Section, ValueKind},
    level,
    setting::{Options, Setting},
};

/// Returns the JSON Schema (draft 2020-12) of a configuration file.
#[must_use]
pub fn schema() -> String {
    let mut text = String::new();
    let root = object(keys::ROOT, false)
        .with("$schema", "https://json-schema.org/draft/2020-12/schema")
        .with("title", "watchfire")
        .with("description", "Who hears what: handlers, filters and a tree of loggers.");
    write(&Setting::Table(root), 0, &mut text);
    text.push('\n');
    text
}

fn object(keys: &[KeySpec], is_open: bool) -> Options {
    let mut properties = Options::new();
    for key in keys {
        properties.set(key.name, of(key.kind).with("description", key.about));
    }
    let required: Vec<&str> = keys.iter().filter(|key| key.required).map(|key| key.name).collect();
    let mut object = Options::new().with("type", "object").with("properties", properties);
    object.set("additionalProperties", is_open);
    if !required.is_empty() {
        object.set("required", required);
    }
    object
}

fn of(kind: ValueKind) -> Options {
    match kind {
        ValueKind::Text | ValueKind::Secret | ValueKind::File | ValueKind::Folder => {
            or_reference(plain("string"))
        }
        ValueKind::Directives
        | ValueKind::SpanLevels
        | ValueKind::Formatter
        | ValueKind::RotationCallback
        | ValueKind::Service
        | ValueKind::Clock => plain("string"),
        ValueKind::Bool => plain("boolean"),
        ValueKind::Integer(least, most) => {
            let bounded = plain("integer").with("minimum", least);
            if most == i64::MAX { bounded } else { bounded.with("maximum", most) }
        }
        ValueKind::Duration | ValueKind::Pause | ValueKind::Size => {
            Options::new().with("type", vec!["string", "number"])
        }
        ValueKind::Durations => list_of(of(ValueKind::Duration)),
        ValueKind::Choice(names) => plain("string").with("enum", names.to_vec()),
        ValueKind::Level => {
            any_of([plain("string").with("examples", level::NAMES.to_vec()), plain("integer")])
        }
        ValueKind::LevelOrDirectives => any_of([plain("string"), plain("integer")]),
        ValueKind::Names | ValueKind::Patterns => any_of([plain("string"), list_of(plain("string"))]),
        ValueKind::Texts => any_of([of(ValueKind::Text), list_of(of(ValueKind::Text))]),
        ValueKind::Levels | ValueKind::Handlers | ValueKind::Targets => {
            any_of([plain("string"), list_of(plain("string"))])
        }
        ValueKind::Filter => any_of([plain("string"), plain("object")]),
        ValueKind::Filters => any_of([of(ValueKind::Filter), list_of(of(ValueKind::Filter))]),
        ValueKind::Table(keys) => object(keys, false),
        ValueKind::Rates(keys) => {
            let rate = || any_of([plain("string"), object(keys, false)]);
            any_of([rate(), list_of(rate())])
        }
        ValueKind::Map(keys) => named(object(keys, false)),
        ValueKind::Renames | ValueKind::Links | ValueKind::Facts => named(plain("string")),
        ValueKind::Values => named(Options::new().with("type", vec!["string", "number", "boolean"])),
        ValueKind::Typed(section) => named(typed(section)),
    }
}

/// Describes parts whose `type` says what they hold; a type of the program's own may hold anything.
fn typed(section: Section) -> Options {
    let variants = section.types().iter().map(|(name, keys)| {
        let mut variant = object(keys, false);
        variant.edit("properties", |properties| {
            for key in section.common() {
                properties.set(key.name, of(key.kind).with("description", key.about));
            }
            properties.set("type", Options::new().with("const", *name));
        });
        Setting::Table(variant)
    });
    let names: Vec<&str> = section.types().iter().map(|(name, _)| *name).collect();
    let not_known = Options::new().with("not", Options::new().with("enum", names));
    let own = object(section.common(), true);
    let mut own_properties = own;
    own_properties.edit("properties", |properties| properties.set("type", not_known));
    let all: Vec<Setting> = variants.chain([Setting::Table(own_properties)]).collect();
    Options::new().with("anyOf", Setting::List(all))
}

fn plain(name: &str) -> Options {
    Options::new().with("type", name)
}

fn list_of(items: Options) -> Options {
    plain("array").with("items", items)
}

fn named(value: Options) -> Options {
    plain("object").with("additionalProperties", value)
}

fn any_of<const N: usize>(variants: [Options; N]) -> Options {
    Options::new().with("anyOf", Setting::List(variants.into_iter().map(Setting::Table).collect()))
}

fn or_reference(value: Options) -> Options {
    let reference = |key: &str| {
        let properties = Options::new().with(key, plain("string"));
        plain("object")
            .with("properties", properties)
            .with("required", vec![key])
            .with("additionalProperties", false)
    };
    any_of([value, reference("env"), reference("file")])
}

/// Writes JSON with two blanks per step.
fn write(value: &Setting, depth: usize, out: &mut String) {
    let indent = |depth: usize, out: &mut String| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    match value {
        Setting::Table(table) if table.is_empty() => out.push_str("{}"),
        Setting::Table(table) => {
            out.push('{');
            for (i, (key, value)) in table.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                indent(depth + 1, out);
                write(&key.into(), depth, out);
                out.push_str(": ");
                write(value, depth + 1, out);
            }
            indent(depth, out);
            out.push('}');
        }
        Setting::List(list) => {
            out.push('[');
            for (i, value) in list.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                write(value, depth, out);
            }
            out.push(']');
        }
        // TOML's escapes within a line are JSON's.
        other => out.push_str(&other.to_string()),
    }
}
