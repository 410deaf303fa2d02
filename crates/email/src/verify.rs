//! Ask the server whether it takes the login, and say good-bye: no mail is begun.

use lettre::transport::smtp::{client::AsyncSmtpConnection, commands::Noop};
use tokio::time::timeout;
use watchfire_outbox::{Answers, Outcome, Reason, Verdict};

use crate::{
    config::MailServer,
    stage::MailStage,
    transport::{QUIT, Transport},
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
    let mut connection = transport.open().await?;
    transport.step(MailStage::Noop, connection.command(Noop)).await?;
    let who = describe(&transport.server, &connection);
    // Its answer decides nothing.
    drop(timeout(QUIT, connection.quit()).await);
    Ok(who)
}

fn describe(server: &MailServer, connection: &AsyncSmtpConnection) -> String {
    let name = connection.server_info().name();
    let way = if connection.is_encrypted() { "over TLS" } else { "without TLS" };
    match &server.login {
        Some((user, _)) => format!("{name} takes the login of `{user}` {way}"),
        None => format!("{name} answers {way}; no login is set"),
    }
}
