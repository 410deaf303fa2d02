//! Runs what the guide shows.

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
