//! Redaction: the names, samples of texts, properties of any text, and the measure on a corpus.

mod corpus;
mod names;
mod properties;
mod rules;
mod samples;
