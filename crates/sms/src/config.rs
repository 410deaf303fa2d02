//! The settings: collected by the builder, and checked all at once.

use std::path::{Path, PathBuf};

use watchfire_core::{ConfigError, Problems};
use watchfire_http::{Client, HttpOptions};

use crate::{
    api::Carrier,
    exotel::Exotel,
    number::{INDIA, parse_number, parse_prefix},
    twilio::Twilio,
};

/// The numbers, providers and routes of an [`Sms`](crate::Sms) in the making; `.layer(&outbox)` or
/// [`build`](Self::build) checks them.
#[derive(Clone, Debug)]
#[must_use]
pub struct SmsBuilder {
    numbers: Vec<String>,
    routes: Vec<(String, SmsProvider, Choice)>,
    max_segments: usize,
    http: HttpOptions,
    ca_files: Vec<PathBuf>,
}

/// A provider to which a route leads.
#[derive(Clone, Debug)]
pub struct SmsProvider(ProviderKind);

#[derive(Clone, Debug)]
enum ProviderKind {
    Twilio(Box<Twilio>),
    Exotel(Box<Exotel>),
}

/// Settings that were checked.
#[derive(Clone, Debug)]
pub(crate) struct SmsSettings {
    pub(crate) numbers: Vec<String>,
    pub(crate) routes: Vec<Route>,
    pub(crate) max_segments: usize,
}

/// The reason why a route is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    Usual,
    Named,
}

#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) prefix: String,
    pub(crate) carrier: Carrier,
    choice: Choice,
}

/// A body has at most 1,600 characters at Twilio (error 21617), which is 10 segments.
const MOST_SEGMENTS: usize = 10;

impl SmsBuilder {
    pub(crate) fn to(numbers: Vec<String>) -> Self {
        Self { numbers, routes: Vec::new(), max_segments: 1, http: HttpOptions::new(), ca_files: Vec::new() }
    }

    /// Sends through Twilio to all numbers but those of India (`+91`), and those with a route of their own.
    pub fn twilio(mut self, twilio: Twilio) -> Self {
        self.routes.push(("+".to_owned(), twilio.into(), Choice::Usual));
        self
    }

    /// Sends through Exotel to the numbers of India (`+91`) that have no route of their own.
    pub fn exotel(mut self, exotel: Exotel) -> Self {
        self.routes.push((INDIA.to_owned(), exotel.into(), Choice::Usual));
        self
    }

    /// Sends to the numbers that begin with `prefix`, such as `+43`, through this provider; the longest prefix wins.
    pub fn route(mut self, prefix: impl Into<String>, provider: impl Into<SmsProvider>) -> Self {
        self.routes.push((prefix.into(), provider.into(), Choice::Named));
        self
    }

    /// Sets how many segments one alert may take, from 1 to 10; each is paid. Default 1: 160 characters, or 70 of
    /// another script than the Latin.
    pub fn max_segments(mut self, segments: usize) -> Self {
        self.max_segments = segments;
        self
    }

    /// Sets how the providers are reached: timeouts, proxy, authorities.
    pub fn http(mut self, options: HttpOptions) -> Self {
        self.http = options;
        self
    }

    /// Trusts the authorities of a PEM file as well as those of the system and of [`http`](Self::http).
    pub fn ca_file(mut self, path: impl AsRef<Path>) -> Self {
        self.ca_files.push(path.as_ref().to_owned());
        self
    }

    pub(crate) fn check(self) -> Result<(SmsSettings, Client), ConfigError> {
        let mut problems = Problems::new();
        let has_provider = !self.routes.is_empty();
        problems.check(has_provider, "sms", "has no provider; expected .twilio(..), .exotel(..) or both");
        let mut routes: Vec<Route> = Vec::with_capacity(self.routes.len());
        let mut are_whole = has_provider;
        for (prefix, provider, choice) in self.routes {
            let prefix = problems.keep(parse_prefix(&prefix));
            let carrier = problems.keep(provider.check(self.max_segments));
            let Some((prefix, carrier)) = prefix.zip(carrier) else {
                are_whole = false;
                continue;
            };
            let is_new = !routes.iter().any(|known| known.prefix == prefix && known.choice == choice);
            problems.check(is_new, "sms.route", format!("`{prefix}` leads to two providers"));
            if prefix.starts_with(INDIA) {
                problems.keep(carrier.check_india());
            }
            routes.push(Route { prefix, carrier, choice });
        }
        problems.check(!self.numbers.is_empty(), "sms.to", "expected at least one number");
        let mut numbers: Vec<String> = Vec::with_capacity(self.numbers.len());
        for text in &self.numbers {
            let Some(number) = problems.keep(parse_number(text)) else { continue };
            problems.check(!numbers.contains(&number), "sms.to", format!("`{number}` is listed twice"));
            match route_for(&routes, &number) {
                Some(route) if number.starts_with(INDIA) => {
                    problems.keep(route.carrier.check_india());
                }
                Some(_) => {}
                // Without all routes nobody knows.
                None if are_whole => problems.add(unroutable(&number)),
                None => {}
            }
            numbers.push(number);
        }
        let is_in_range = (1..=MOST_SEGMENTS).contains(&self.max_segments);
        problems.check(is_in_range, "sms.max_segments", "expected 1 to 10");
        let http = self.ca_files.iter().fold(self.http, HttpOptions::ca_file);
        let client = problems.keep(http.client("sms"));
        let max_segments = self.max_segments;
        problems.finish(|| Some((SmsSettings { numbers, routes, max_segments }, client?)))
    }
}

impl SmsSettings {
    pub(crate) fn carrier_for(&self, number: &str) -> Option<&Carrier> {
        route_for(&self.routes, number).map(|route| &route.carrier)
    }
}

impl SmsProvider {
    fn check(self, max_segments: usize) -> Result<Carrier, ConfigError> {
        match self.0 {
            ProviderKind::Twilio(twilio) => twilio.check().map(Carrier::Twilio),
            ProviderKind::Exotel(exotel) => exotel.check(max_segments).map(Carrier::Exotel),
        }
    }
}

impl From<Twilio> for SmsProvider {
    fn from(twilio: Twilio) -> Self {
        Self(ProviderKind::Twilio(Box::new(twilio)))
    }
}

impl From<Exotel> for SmsProvider {
    fn from(exotel: Exotel) -> Self {
        Self(ProviderKind::Exotel(Box::new(exotel)))
    }
}

/// Finds the route with the longest prefix; one that was named comes before a usual one. Twilio's usual one does not
/// lead to India, where operators drop what has no registered template, in silence.
fn route_for<'r>(routes: &'r [Route], number: &str) -> Option<&'r Route> {
    let leads = |route: &&Route| {
        let foreign = route.choice == Choice::Usual && route.prefix == "+" && number.starts_with(INDIA);
        number.starts_with(&route.prefix) && !foreign
    };
    routes.iter().filter(leads).max_by_key(|route| (route.prefix.len(), route.choice == Choice::Named))
}

fn unroutable(number: &str) -> ConfigError {
    let how = if number.starts_with(INDIA) {
        "expected .exotel(..), or .route(\"+91\", ..) to another provider that may send there"
    } else {
        "expected .twilio(..), or a .route(..) with the beginning of the number"
    };
    ConfigError::new("sms.to", format!("no provider leads to `{number}`; {how}"))
}

#[cfg(test)]
mod tests;
