//! The texts that stand for what was left out.

/// The text that stands for a secret.
pub const MASK: &str = "[redacted]";
/// The text at the end of a text that was cut.
pub const CUT: &str = "… [cut]";
/// The text that stands for a value whose `Debug` or `Display` panicked.
pub const PANICKED: &str = "[panicked while formatted]";
