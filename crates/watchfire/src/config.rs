//! Types for tools that read, write or explain configurations. A service needs [`init`](crate::init),
//! [`Config`](crate::Config) and [`Handle`](crate::Handle).

pub use watchfire_config::{
    Branch, Explanation, HandlerAnswer, Lock, ManualAlert, Options, Question, Router, RouterFilter, Sent,
    Setting, Verification, schema,
};
