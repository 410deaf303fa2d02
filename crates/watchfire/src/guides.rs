//! Runs the examples of the README and the guides, through the names that a program uses.

#[doc = include_str!("../../../docs/guide/files.md")]
struct Files;
#[doc = include_str!("../../../docs/guide/from-coaster.md")]
struct FromCoaster;
#[doc = include_str!("../../../docs/guide/from-django.md")]
struct FromDjango;
#[doc = include_str!("../../../docs/guide/from-tracing-subscriber.md")]
struct FromTracingSubscriber;
#[doc = include_str!("../../../docs/guide/in-tests.md")]
struct InTests;
#[doc = include_str!("../../../docs/guide/libraries.md")]
struct Libraries;
#[doc = include_str!("../../../docs/guide/messages.md")]
struct Messages;
#[doc = include_str!("../../../docs/guide/noise.md")]
struct Noise;
#[doc = include_str!("../../../docs/redaction.md")]
mod redaction {}
#[doc = include_str!("../../../docs/guide/spool.md")]
struct Spool;
#[cfg(all(feature = "tower", feature = "health"))]
#[doc = include_str!("../../../docs/guide/web-service.md")]
struct WebService;
#[doc = include_str!("../../../README.md")]
struct Readme;
