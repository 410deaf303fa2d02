//! Find where a configuration names a handler or a filter.

use crate::{Config, Setting, setting::names};

/// Tells whether a list of a logger, service or handler has `name`.
pub(crate) fn is_named(config: &Config, key: &str, name: &str) -> bool {
    lists(config, key).iter().any(|path| {
        let list = config.get(keys(path)).map(Setting::as_list).unwrap_or_default();
        list.iter().any(|known| known.as_text() == Some(name))
    })
}

/// Takes `name` out of all lists. A failover to nobody is none.
pub(crate) fn unname(config: &mut Config, key: &str, name: &str) {
    for path in lists(config, key) {
        let Some(known) = config.get(keys(&path)).cloned() else { continue };
        let left: Vec<Setting> =
            known.as_list().iter().filter(|known| known.as_text() != Some(name)).cloned().collect();
        match path.split_last() {
            Some((last, table)) if last == "to" && left.is_empty() => {
                config.remove(keys(table));
            }
            _ => config.set(keys(&path), Setting::List(left)),
        }
    }
}

/// Returns the keys of every list that is there of handlers, or of filters.
fn lists(config: &Config, key: &str) -> Vec<Vec<String>> {
    let options = config.options();
    let mut paths: Vec<Vec<&str>> = vec![vec!["root", key]];
    paths.extend(names(options, "loggers").into_iter().map(|logger| vec!["loggers", logger, key]));
    for service in names(options, "services") {
        paths.push(vec!["services", service, key]);
        let table = options.table("services").and_then(|services| services.table(service));
        let loggers = table.map(|table| names(table, "loggers")).unwrap_or_default();
        paths.extend(loggers.into_iter().map(|logger| vec!["services", service, "loggers", logger, key]));
    }
    for handler in names(options, "handlers") {
        paths.push(match key {
            "handlers" => vec!["handlers", handler, "failover", "to"],
            _ => vec!["handlers", handler, key],
        });
    }
    paths.retain(|path| config.get(path.iter().copied()).is_some());
    paths.into_iter().map(|path| path.into_iter().map(str::to_owned).collect()).collect()
}

fn keys(path: &[String]) -> impl Iterator<Item = &str> {
    path.iter().map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
        [filters.quiet]
        type = "ignore"
        targets = ["hyper"]
        [handlers.a]
        type = "null"
        filters = "quiet"
        [handlers.b]
        type = "null"
        filters = ["quiet", "require_debug_true"]
        failover = { after = "1 min", to = ["a"] }
        [handlers.c]
        type = "null"
        failover = { after = "1 min", to = ["a", "b"] }
        [root]
        handlers = ["a", "b"]
        filters = ["quiet"]
        [loggers.x]
        handlers = "a"
        [services.web]
        handlers = ["a"]
        [services.web.loggers.y]
        handlers = ["c", "a"]
        filters = ["quiet"]
    "#;

    #[test]
    fn a_name_is_taken_out_wherever_it_stands() {
        for (key, name) in [("handlers", "a"), ("filters", "quiet")] {
            let mut config = Config::parse(TEXT).unwrap();
            assert!(is_named(&config, key, name));
            config.remove([key, name]);
            unname(&mut config, key, name);
            assert!(!is_named(&config, key, name));
            assert!(!config.to_string().contains(&format!("\"{name}\"")), "{config}");
        }
        let mut config = Config::parse(TEXT).unwrap();
        unname(&mut config, "handlers", "a");
        assert!(config.get(["handlers", "b", "failover"]).is_none());
        assert_eq!(config.get(["handlers", "c", "failover", "to"]).unwrap().as_list().len(), 1);
    }
}
