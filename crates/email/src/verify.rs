//! Ask the server whether it takes the login, and say good-bye: no mail is begun.

use lettre::transport::smtp::commands::Noop;
use watchfire_outbox::{Answers, Outcome, Reason, Verdict};

use crate::{
    config::MailServer,
    stage::MailStage,
    transport::{Session, Transport},
};

/// Connects, encrypts, logs in, and says NOOP and QUIT. Whether the server takes the sender and the recipients, it
/// mostly says when a mail is begun, and that would stand in its log as a broken one.
pub(crate) async fn verify(transport: &Transport, answers: &Answers) {
    answers.expect("server");
    let verdict = match greet(transport).await {
        Ok(who) => Verdict::Accepted(Reason::new(who)),
        Err(outcome) => Verdict::of(outcome, ""),
    };
    answers.add("server", verdict);
}

async fn greet(transport: &Transport) -> Result<String, Outcome> {
    let mut session = transport.open().await?;
    transport.step(MailStage::Noop, session.connection.command(Noop)).await?;
    let who = describe(&transport.server, &session);
    session.leave().await;
    Ok(who)
}

fn describe(server: &MailServer, session: &Session) -> String {
    let name = session.connection.server_info().name();
    let way = if session.is_encrypted() { "over TLS" } else { "without TLS" };
    match &server.login {
        Some((user, _)) => format!("{name} takes the login of `{user}` {way}"),
        None => format!("{name} answers {way}; no login is set"),
    }
}
