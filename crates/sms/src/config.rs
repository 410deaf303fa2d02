use std::{path::Path, time::Duration};

use watchfire_core::{ConfigError, HandlerLayer};
use watchfire_http::{Client, HttpOptions, exchange};
use watchfire_outbox::{
    AlertHandler, Answers, Delivering, DeliveryPolicy, Notification, NotificationPolicy, Occasion, Outcome,
    Reason, Sink, Verifying,
};

use crate::{
    api::{self, Carrier},
    exotel::Exotel,
    render,
    twilio::Twilio,
    verify,
};

/// Is a layer that sends alerts by SMS.
pub type SmsLayer = HandlerLayer<AlertHandler<Sms>>;

/// Sends alerts by SMS to the numbers that were named, each through the provider that its prefix leads to.
#[derive(Clone, Debug)]
pub struct Sms {
    pub(crate) numbers: Vec<String>,
    pub(crate) routes: Vec<Route>,
    pub(crate) max_segments: usize,
    client: Client,
}

/// Collects numbers, providers and routes; [`build`](Self::build) checks them.
#[derive(Clone, Debug)]
#[must_use]
pub struct SmsBuilder {
    numbers: Vec<String>,
    routes: Vec<(String, SmsProvider, Choice)>,
    max_segments: usize,
    http: HttpOptions,
}

/// Is a provider to which a route leads.
#[derive(Clone, Debug)]
pub struct SmsProvider(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Twilio(Box<Twilio>),
    Exotel(Box<Exotel>),
}

/// Tells how a route came about.
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

/// The country with registered templates.
pub(crate) const INDIA: &str = "+91";
/// A body has at most 1,600 characters at Twilio (error 21617), which is 10 segments.
const MOST_SEGMENTS: usize = 10;

impl Sms {
    /// Names the numbers, in the international form (E.164): `+436601234567`. Spaces and hyphens are taken off.
    pub fn to<N: Into<String>>(numbers: impl IntoIterator<Item = N>) -> SmsBuilder {
        SmsBuilder {
            numbers: numbers.into_iter().map(Into::into).collect(),
            routes: Vec::new(),
            max_segments: 1,
            http: HttpOptions::new(),
        }
    }

    pub(crate) fn carrier_for(&self, number: &str) -> Option<&Carrier> {
        route_for(&self.routes, number).map(|route| &route.carrier)
    }
}

impl SmsBuilder {
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

    /// Trusts the authorities of a PEM file as well as the system's.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or holds no usable certificate.
    pub fn ca_file(mut self, path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let options = self.http.ca_file(path);
        self.http = options.map_err(|error| ConfigError::new("sms.ca_file", error.reason()))?;
        Ok(self)
    }

    /// Checks everything.
    ///
    /// # Errors
    ///
    /// If a number is not in the international form, has no route, or leads to India through Exotel without a registered
    /// template; or if a provider's setting is wrong or missing. The error names the field.
    pub fn build(self) -> Result<Sms, ConfigError> {
        if !(1..=MOST_SEGMENTS).contains(&self.max_segments) {
            return Err(ConfigError::new("sms.max_segments", "expected 1 to 10"));
        }
        if self.routes.is_empty() {
            return Err(ConfigError::new(
                "sms",
                "has no provider; expected .twilio(..), .exotel(..) or both",
            ));
        }
        let mut routes: Vec<Route> = Vec::with_capacity(self.routes.len());
        for (prefix, provider, choice) in self.routes {
            let route =
                Route { prefix: parse_prefix(&prefix)?, carrier: provider.check(self.max_segments)?, choice };
            if routes.iter().any(|known| known.prefix == route.prefix && known.choice == route.choice) {
                return Err(ConfigError::new(
                    "sms.route",
                    format!("`{}` leads to two providers", route.prefix),
                ));
            }
            if route.prefix.starts_with(INDIA) {
                route.carrier.check_india()?;
            }
            routes.push(route);
        }
        let mut numbers: Vec<String> = Vec::with_capacity(self.numbers.len());
        for text in &self.numbers {
            let number = parse_number(text)?;
            if numbers.contains(&number) {
                return Err(ConfigError::new("sms.to", format!("`{number}` stands there twice")));
            }
            let route = route_for(&routes, &number).ok_or_else(|| unroutable(&number))?;
            if number.starts_with(INDIA) {
                route.carrier.check_india()?;
            }
            numbers.push(number);
        }
        if numbers.is_empty() {
            return Err(ConfigError::new("sms.to", "expected at least one number"));
        }
        Ok(Sms { numbers, routes, max_segments: self.max_segments, client: Client::new(self.http) })
    }
}

impl SmsProvider {
    fn check(self, max_segments: usize) -> Result<Carrier, ConfigError> {
        match self.0 {
            Kind::Twilio(twilio) => twilio.check().map(Carrier::Twilio),
            Kind::Exotel(exotel) => exotel.check(max_segments).map(Carrier::Exotel),
        }
    }
}

impl From<Twilio> for SmsProvider {
    fn from(twilio: Twilio) -> Self {
        Self(Kind::Twilio(Box::new(twilio)))
    }
}

impl From<Exotel> for SmsProvider {
    fn from(exotel: Exotel) -> Self {
        Self(Kind::Exotel(Box::new(exotel)))
    }
}

impl Sink for Sms {
    fn kind(&self) -> &'static str {
        "sms"
    }

    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification> {
        render::notifications(self, occasion)
    }

    fn deliver<'a>(&'a self, notification: &'a Notification) -> Delivering<'a> {
        let Some(carrier) = self.carrier_for(notification.recipient()) else {
            // From a spool of another configuration.
            let outcome = Outcome::Held(Reason::new("no provider has a route to this number any more"));
            return Box::pin(std::future::ready(outcome));
        };
        let request = api::request(carrier, notification);
        Box::pin(exchange(&self.client, request, |response| api::judge(carrier, notification, response)))
    }

    fn verify<'a>(&'a self, answers: &'a Answers) -> Verifying<'a> {
        Box::pin(verify::verify(&self.routes, &self.client, answers))
    }

    fn policy(&self) -> DeliveryPolicy {
        let mut policy = DeliveryPolicy::default();
        policy.max_age = Duration::from_secs(15 * 60);
        policy.backoff_cap = Duration::from_secs(60);
        // Neither provider knows an idempotency key, and each SMS costs money.
        policy.retry_ambiguous = false;
        policy.notifications = NotificationPolicy::sms();
        policy
    }
}

/// Finds the route with the longest prefix; one that was named comes before a usual one. Twilio's usual one does not
/// lead to India, where operators drop what has no registered template, without telling.
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

/// Takes a number in E.164: `+`, and 7 to 15 digits of which the first is no zero.
pub(crate) fn parse_number(text: &str) -> Result<String, ConfigError> {
    let number: String = text.trim().chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    if is_e164(&number) {
        return Ok(number);
    }
    let shown: String = text.chars().take(40).flat_map(char::escape_debug).collect();
    Err(ConfigError::new(
        "sms.to",
        format!("`{shown}` is not in the international form; expected such as `+436601234567`"),
    ))
}

pub(crate) fn is_e164(number: &str) -> bool {
    number.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|b| b.is_ascii_digit())
    })
}

fn parse_prefix(text: &str) -> Result<String, ConfigError> {
    let prefix = text.trim();
    let good = prefix.strip_prefix('+').is_some_and(|digits| {
        digits.len() <= 15 && !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit())
    });
    match good {
        true => Ok(prefix.to_owned()),
        false => {
            let shown: String = text.chars().take(40).flat_map(char::escape_debug).collect();
            Err(ConfigError::new(
                "sms.route",
                format!("`{shown}` begins no number; expected such as `+43`, or `+` for all"),
            ))
        }
    }
}

#[cfg(test)]
mod tests;
