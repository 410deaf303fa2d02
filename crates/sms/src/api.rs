//! Make requests and judge answers, by provider; both are pure.

use watchfire_core::ConfigError;
use watchfire_http::{Request, Response};
use watchfire_outbox::{Notification, Outcome};

use crate::{exotel, twilio};

/// A provider whose settings were checked.
#[derive(Clone, Debug)]
pub(crate) enum Carrier {
    Twilio(twilio::Account),
    Exotel(exotel::Account),
}

impl Carrier {
    /// Checks that this provider may send to India. Who leads numbers there through Twilio has said so.
    pub(crate) fn check_india(&self) -> Result<(), ConfigError> {
        match self {
            Self::Twilio(_) => Ok(()),
            Self::Exotel(account) => account.check_india(),
        }
    }
}

pub(crate) fn request(carrier: &Carrier, notification: &Notification) -> Request {
    match carrier {
        Carrier::Twilio(account) => account.request(notification),
        Carrier::Exotel(account) => account.request(notification),
    }
}

pub(crate) fn judge(carrier: &Carrier, notification: &Notification, response: &Response) -> Outcome {
    match carrier {
        Carrier::Twilio(_) => twilio::judge(notification, response),
        Carrier::Exotel(_) => exotel::judge(notification, response),
    }
}
