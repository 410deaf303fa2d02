//! Settle how much a channel may speak: its settings, budgets, silences and quiet hours. Pure; time is an argument.

mod budget;
mod purse;
mod settings;
mod silence;
mod window;

use budget::Budget;
pub use budget::Rate;
pub use settings::{MinCount, Noise, QuietNote};
pub use silence::Silence;
pub use window::QuietHours;
pub(crate) use {purse::Purse, silence::Silences};

#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/noise.md")]
struct NoiseGuide;
