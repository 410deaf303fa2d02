//! The formats of files and the console, and what one of your own is written with: implement [`Format`] for a type, and
//! give it to `.format(..)`.

pub use watchfire_file::{
    FieldValue, Format, Json, JsonKey, Logfmt, Pretty, Record, SpanFields, SpanStyle, Template, Text,
};
