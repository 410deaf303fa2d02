//! Look whether Sentry answers; of a key it can be asked nothing.

use watchfire_http::{Client, reach};
use watchfire_outbox::Answers;

use crate::config::Project;

/// With a DSN there is one thing to do, to submit an envelope (<https://develop.sentry.dev/sdk/>); no request is documented
/// that says whether the key is known and keeps nothing.
pub(crate) async fn verify(project: &Project, client: &Client, answers: &Answers) {
    let why = "whether it knows the key, only an event would show";
    let subject = format!("project {}", project.name);
    answers.expect(subject.as_str());
    answers.add(subject, reach(client, &project.endpoint, why).await);
}
