//! Handlers and levels to start from.

use crate::setting::{Options, Setting};

/// Lays a configuration over the preset that it names.
pub(crate) fn apply(options: &Options) -> Options {
    match options.text("preset") {
        Some("django") => {
            let mut laid = django();
            laid.overlay(options);
            laid
        }
        _ => options.clone(),
    }
}

/// Django's default: the console from INFO on in debug mode, mail to the admins from ERROR on otherwise.
fn django() -> Options {
    let console = Options::new()
        .with("type", "console")
        .with("level", "info")
        .with("filters", vec!["require_debug_true"]);
    let mail = Options::new()
        .with("type", "email")
        .with("level", "error")
        .with("filters", vec!["require_debug_false"]);
    let handlers = Options::new().with("console", console).with("mail_admins", mail);
    let root =
        Options::new().with("level", "info").with("handlers", Setting::from(vec!["console", "mail_admins"]));
    Options::new().with("handlers", handlers).with("root", root)
}
