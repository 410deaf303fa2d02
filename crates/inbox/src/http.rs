//! The HTTP door: hyper on a loopback port, faults first, then the provider that claims the path.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request as HyperRequest, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::clock;
use crate::fault::Fault;
use crate::net;
use crate::origin;
use crate::pages;
use crate::providers::{Canned, Context, HttpProvider, Judgement, Reply, Request};
use crate::record::{MessageVerdict, Provider};
use crate::store::{New, Store};

/// Serves until the task is dropped.
pub(crate) async fn serve(listener: TcpListener, hub: Rc<Hub>) {
    net::accept(listener, |stream| connection(stream, Rc::clone(&hub))).await;
}

pub(crate) struct Hub {
    pub(crate) store: Arc<Store>,
    pub(crate) providers: RefCell<Vec<Box<dyn HttpProvider>>>,
    pub(crate) paced: bool,
    /// How long a request may take to come in.
    pub(crate) patience: Duration,
    /// The table of addresses on the page.
    pub(crate) addresses: Vec<(String, String)>,
}

async fn connection(stream: TcpStream, hub: Rc<Hub>) {
    let (reset, patience) = (Rc::new(Notify::new()), hub.patience);
    let service = service_fn({
        let reset = Rc::clone(&reset);
        move |request: HyperRequest<Incoming>| {
            let (hub, reset) = (Rc::clone(&hub), Rc::clone(&reset));
            async move {
                let reply = match hub.answer(request).await {
                    Answered::Reply(reply) => reply,
                    Answered::Reset => {
                        reset.notify_one();
                        future::pending().await
                    }
                    Answered::Never => future::pending().await,
                };
                Ok::<_, Infallible>(response(reply))
            }
        }
    });
    let mut connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // A client that went away is no concern of the inbox.
        _ = &mut connection => {}
        () = reset.notified() => net::reset(connection.into_parts().io.into_inner()),
    }
}

enum Answered {
    Reply(Reply),
    Reset,
    Never,
}

impl Hub {
    async fn answer(&self, request: HyperRequest<Incoming>) -> Answered {
        let (parts, body) = request.into_parts();
        let mut request = Request {
            method: parts.method.as_str().to_owned(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts
                .headers
                .iter()
                .map(|(name, value)| {
                    (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
                })
                .collect(),
            body: Bytes::new(),
            at: clock::now(),
        };
        if let Some(refusal) = origin::refusal(&request) {
            return Answered::Reply(refusal);
        }
        let index = self.providers.borrow().iter().position(|provider| provider.claims(&request.path));
        let limit =
            index.and_then(|i| self.providers.borrow().get(i).map(|r| r.body_limit())).unwrap_or(1 << 20);
        let body = tokio::time::timeout(self.patience, Limited::new(body, limit).collect());
        let Ok(body) = body.await else {
            return Answered::Reply(Reply::new(408, "text/plain", "").header("Connection", "close"));
        };
        let too_large = match body {
            Ok(body) => {
                request.body = body.to_bytes();
                false
            }
            Err(error) if error.is::<LengthLimitError>() => true,
            Err(_) => return Answered::Reset,
        };
        let Some(index) = index else { return Answered::Reply(pages::answer(self, &request)) };
        let Some(provider) = self.providers.borrow().get(index).map(|provider| provider.provider()) else {
            return Answered::Reset;
        };
        let visit = Visit { hub: self, index, provider, request: &request };
        if too_large {
            return Answered::Reply(visit.refuse(Canned::TooLarge));
        }
        visit.run().await
    }
}

/// One request in one provider.
struct Visit<'a> {
    hub: &'a Hub,
    index: usize,
    provider: Provider,
    request: &'a Request,
}

impl Visit<'_> {
    async fn run(&self) -> Answered {
        // These two bite inside the provider, when the recipient is known.
        let by_recipient =
            |fault: &Fault| matches!(fault, Fault::RefuseRecipient { .. } | Fault::Migrate { .. });
        let fault = self.hub.store.take(self.provider, |fault| !by_recipient(fault));
        match fault {
            None => Answered::Reply(self.judge(None)),
            Some(Fault::RateLimit { retry_after }) => {
                Answered::Reply(self.refuse(Canned::RateLimited { retry_after }))
            }
            Some(Fault::BadCredentials) => Answered::Reply(self.refuse(Canned::BadCredentials)),
            Some(Fault::Status { status, body, headers }) => {
                let mut reply =
                    self.with_provider(|provider| provider.canned(self.request, Canned::Broken { status }));
                if let Some(body) = body {
                    reply.body = body.into_bytes();
                }
                for (name, value) in headers {
                    reply = reply.header(&name, value);
                }
                // The sender is told what the status says; so is the record.
                let verdict = if status < 300 { MessageVerdict::Accepted } else { MessageVerdict::Refused };
                self.keep(verdict(reply.summary()), None);
                Answered::Reply(reply)
            }
            Some(Fault::Header { name, value }) => Answered::Reply(self.judge(None).header(&name, value)),
            Some(Fault::Slow { millis, .. }) => {
                tokio::time::sleep(Duration::from_millis(millis)).await;
                Answered::Reply(self.judge(None))
            }
            Some(Fault::HangAfterAccept) => {
                self.judge(Some("none: hung after the message was taken"));
                Answered::Never
            }
            Some(Fault::ResetAfterAccept) => {
                self.judge(Some("none: reset after the message was taken"));
                Answered::Reset
            }
            Some(fault @ Fault::Hang { .. }) => {
                self.keep(MessageVerdict::Unanswered(fault.name().to_owned()), None);
                Answered::Never
            }
            Some(fault) => {
                self.keep(MessageVerdict::Unanswered(fault.name().to_owned()), None);
                Answered::Reset
            }
        }
    }

    /// Lets the provider decide; `unsaid` is what the record says when the answer never leaves.
    fn judge(&self, unsaid: Option<&str>) -> Reply {
        let context = Context {
            store: &self.hub.store,
            provider: self.provider,
            paced: self.hub.paced,
            now: self.request.at,
        };
        let judgement = self.with_provider_mut(|provider| provider.judge(self.request, &context));
        let verdict = match (unsaid, judgement.accepted) {
            (Some(unsaid), true) => MessageVerdict::Accepted(unsaid.to_owned()),
            _ => judgement.verdict(),
        };
        let reply = judgement.reply.clone();
        self.keep(verdict, Some(judgement));
        reply
    }

    fn refuse(&self, answer: Canned) -> Reply {
        let reply = self.with_provider(|provider| provider.canned(self.request, answer));
        self.keep(MessageVerdict::Refused(reply.summary()), None);
        reply
    }

    fn keep(&self, verdict: MessageVerdict, judgement: Option<Judgement>) {
        let Some(mut entry) = self.with_provider(|provider| provider.describe(self.request)) else { return };
        let (key, thread, edits, notes) =
            judgement.map(|j| (j.key, j.thread, j.edits, j.notes)).unwrap_or_default();
        entry.notes.extend(notes);
        self.hub.store.add(New {
            provider: self.provider,
            at: self.request.at,
            entry,
            verdict,
            head: head(self.request),
            raw: self.request.body.to_vec(),
            key,
            thread,
            edits,
        });
    }

    fn with_provider<T>(&self, look: impl FnOnce(&dyn HttpProvider) -> T) -> T {
        self.with_provider_mut(|provider| look(provider))
    }

    #[expect(clippy::indexing_slicing, reason = "the index was found in this list, which never shrinks")]
    fn with_provider_mut<T>(&self, look: impl FnOnce(&mut dyn HttpProvider) -> T) -> T {
        look(self.hub.providers.borrow_mut()[self.index].as_mut())
    }
}

/// The request line and the headers; a credential is shown by its scheme only.
fn head(request: &Request) -> Vec<(String, String)> {
    let mut head = vec![("Request".to_owned(), format!("{} {}", request.method, hide_token(&request.path)))];
    for (name, value) in &request.headers {
        let value = match name.as_str() {
            "authorization" | "proxy-authorization" => {
                format!("{} (not kept)", value.split(' ').next().unwrap_or_default())
            }
            "x-sentry-auth" => "Sentry (not kept)".to_owned(),
            _ => value.clone(),
        };
        head.push((name.clone(), value));
    }
    head
}

/// Telegram and Slack carry their credential in the path.
fn hide_token(path: &str) -> String {
    if let Some(rest) = path.strip_prefix("/bot") {
        let (_, method) = rest.split_once('/').unwrap_or((rest, ""));
        return format!("/bot(not kept)/{method}");
    }
    if path.starts_with("/services/") {
        return "/services/(not kept)".to_owned();
    }
    path.to_owned()
}

fn response(reply: Reply) -> Response<Full<Bytes>> {
    let mut builder = Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        builder = builder.header(name, value);
    }
    builder.body(Full::new(Bytes::from(reply.body))).unwrap_or_else(|_| {
        let mut response =
            Response::new(Full::new(Bytes::from_static(b"a header of the fault is not valid HTTP")));
        *response.status_mut() = hyper::StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}
