//! The way of an alert from its capture to the end of its last attempt. Reads no clock and starts no thread.

pub(crate) mod channel_state;
pub(crate) mod dispatch;
pub(crate) mod pipeline_turn;
