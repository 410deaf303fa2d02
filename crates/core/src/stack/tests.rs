//! Stacks as the standard library prints them: of a panic and of an event, with and without line tables.

use super::*;

const RUSTC: &str = "/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library";
const REGISTRY: &str = "/cargo/registry/src/index.crates.io-1949cf8c6b5b557f";

/// Prints frames: `function`, or `function @ file`, where `~` stands for the registry and `$` for the standard library.
fn printed(frames: &[&str]) -> Stack {
    let mut text = String::new();
    for (number, frame) in frames.iter().enumerate() {
        let (function, file) = frame.split_once(" @ ").unwrap_or((frame, ""));
        text.push_str(&format!("{number:4}: {function}\n"));
        if !file.is_empty() {
            let file = file.replace('~', REGISTRY).replace('$', RUSTC);
            text.push_str(&format!("             at {file}\n"));
        }
    }
    Stack::from_text(text)
}

const PANIC: [&str; 8] = [
    "watchfire_core::stack::Stack::capture @ /somewhere/else/crates/core/src/stack.rs:32:34",
    "watchfire_core::process::on_panic::{{closure}} @ /somewhere/else/crates/core/src/process.rs:9:9",
    "shop::hook::{{closure}} @ ./src/main.rs:3:3",
    "std::panicking::panic_with_hook @ $/std/src/panicking.rs:833:13",
    "std::sys::backtrace::__rust_end_short_backtrace::<std::panicking::panic_handler::{closure#0}, !> @ $/std/src/sys/backtrace.rs:182:18",
    "__rustc::rust_begin_unwind @ $/std/src/panicking.rs:689:5",
    "core::panicking::panic_fmt @ $/core/src/panicking.rs:80:14",
    "core::option::Option<T>::unwrap @ $/core/src/option.rs:1013:5",
];
const EVENT: [&str; 8] = [
    "watchfire_core::stack::Stack::capture @ ./crates/core/src/stack.rs:32:34",
    "<watchfire_core::layer::HandlerLayer<H> as tracing_subscriber::layer::Layer<S>>::on_event @ ./crates/core/src/layer.rs:316:12",
    "std::panicking::catch_unwind @ $/std/src/panicking.rs:544:19",
    "__rust_try",
    "<tracing_subscriber::layer::layered::Layered<L,S> as tracing_core::subscriber::Subscriber>::event @ ~/tracing-subscriber-0.3.23/src/layer/layered.rs:158:20",
    "tracing_core::dispatcher::get_default @ ~/tracing-core-0.1.36/src/dispatcher.rs:386:16",
    "tracing_core::event::Event::dispatch @ ~/tracing-core-0.1.36/src/event.rs:34:9",
    "shop::charge::{{closure}} @ ~/tracing-0.1.44/src/macros.rs:905:17",
];
const RECORD: [&str; 5] = [
    "watchfire_core::stack::Stack::capture",
    "<tracing_subscriber::layer::layered::Layered<L,S> as tracing_core::subscriber::Subscriber>::event",
    "tracing_log::dispatch_record::{{closure}}",
    "<tracing_log::log_tracer::LogTracer as log::Log>::log",
    "log::__private_api::log_impl",
];
/// The handler is the program's own, and so is the subscriber that it stands in.
const OWN_HANDLER: [&str; 6] = [
    "watchfire_core::stack::Stack::capture",
    "<shop::Pager as watchfire_core::handler::Handler>::handle",
    "<watchfire_core::layer::HandlerLayer<H> as tracing_subscriber::layer::Layer<S>>::on_event",
    "<shop::Outer<L> as tracing_subscriber::layer::Layer<S>>::on_event",
    "tracing_core::event::Event::dispatch",
    "tracing::event::helper",
];
const MAIN: [&str; 6] = [
    "core::ops::function::FnOnce::call_once @ $/core/src/ops/function.rs:250:5",
    "std::sys::backtrace::__rust_begin_short_backtrace @ $/std/src/sys/backtrace.rs:166:18",
    "std::rt::lang_start @ $/std/src/rt.rs:205:5",
    "main",
    "__libc_start_call_main @ ./csu/../sysdeps/nptl/libc_start_call_main.h:58:16",
    "_start",
];
const THREAD: [&str; 4] = [
    "std::sys::backtrace::__rust_begin_short_backtrace",
    "<std::sys::thread::unix::Thread>::new::thread_start",
    "start_thread @ ./nptl/pthread_create.c:442:8",
    "clone3 @ ./misc/../sysdeps/unix/sysv/linux/x86_64/clone3.S:81:0",
];
const SERVICE: [&str; 7] = [
    "<F as axum::handler::Handler<((),),S>>::call::{{closure}} @ ~/axum-0.8.9/src/handler/mod.rs:217:38",
    "<core::pin::Pin<P> as core::future::future::Future>::poll @ $/core/src/future/future.rs:133:9",
    "<tower_http::trace::future::ResponseFuture<Fut,C> as core::future::future::Future>::poll @ ~/tower-http-0.6.11/src/trace/future.rs:55:40",
    "<watchfire_tower::Reported<F> as core::future::future::Future>::poll @ ./crates/tower/src/lib.rs:9:9",
    "axum::serve::handle_connection::{{closure}} @ ~/tokio-1.54.1/src/macros/select.rs:710:49",
    "tokio::runtime::task::core::Core<T,S>::poll @ ~/tokio-1.54.1/src/runtime/task/core.rs:369:30",
    "tokio::runtime::blocking::pool::Inner::run @ ~/tokio-1.54.1/src/runtime/blocking/pool.rs:764:18",
];

fn stack(parts: &[&[&str]]) -> Stack {
    printed(&parts.concat())
}

/// Takes the line tables away, as a release build does.
fn without_files<'a>(parts: &[&[&'a str]]) -> Stack {
    let bare = |frame: &&'a str| frame.split_once(" @ ").map_or(*frame, |(function, _)| function);
    printed(&parts.concat().iter().map(bare).collect::<Vec<_>>())
}

const PAY: &[&str] =
    &["shop::charge @ ./src/main.rs:13:21", "shop::Order::pay @ /src/shop/src/main.rs:22:37"];

#[test]
fn only_frames_between_the_event_and_the_start_are_kept() {
    let own = ["shop::charge", "shop::Order::pay"];
    let service = SERVICE.len() - 1;
    for (name, machinery) in
        [("panic", &PANIC[..]), ("event", &EVENT), ("record", &RECORD), ("own handler", &OWN_HANDLER)]
    {
        for (place, above, foreign) in [
            ("main", &MAIN[..], 0),
            ("thread", &THREAD, 0),
            ("service", &[&SERVICE[..service], &THREAD].concat(), service),
        ] {
            let parts = [machinery, PAY, above];
            // The macro's closure is a function of the program in a file of `tracing`; a release build inlines it.
            let bare = machinery.iter().filter(|frame| !frame.starts_with("shop::charge")).copied();
            let bare = [&bare.collect::<Vec<_>>(), PAY, above];
            for (tables, stack) in [("with", stack(&parts)), ("without", without_files(&bare))] {
                let frames = stack.frames();
                let what = format!("{name} in {place} {tables} line tables: {frames:#?}");
                assert_eq!(frames.len(), own.len() + foreign, "{what}");
                assert!(own.iter().zip(&frames).all(|(name, frame)| frame.function == *name), "{what}");
                let in_app: Vec<_> = frames.iter().map(|frame| frame.in_app).collect();
                assert_eq!(in_app, [&[true; 2][..], &vec![false; foreign]].concat(), "{what}");
            }
        }
    }
}

#[test]
fn an_excerpt_has_the_frames_of_the_program_first() {
    let task = ["shop::serve::{{closure}} @ ./src/serve.rs:7:1"];
    let whole = [&PANIC[..], &PAY[..1], &SERVICE, &task, &SERVICE[5..], &THREAD];
    assert_eq!(
        stack(&whole).excerpt(),
        [
            "shop::charge at src/main.rs:13",
            "… 7 frames of axum, core, tower_http, watchfire_tower, tokio",
            "shop::serve::{{closure}} at src/serve.rs:7",
            "… 2 frames of tokio",
        ]
    );
    // The panic is a library's own.
    let inside = [
        "<tower_http::trace::OnFailure as Other>::on @ ~/tower-http-0.6.11/src/trace/on_failure.rs:93:5",
        "hyper::proto::h1 @ ~/hyper-1.12.0/src/proto/h1/mod.rs:1:1",
    ];
    assert_eq!(
        stack(&[&PANIC, &inside, PAY, &MAIN]).excerpt(),
        [
            "shop::charge at src/main.rs:13",
            "shop::Order::pay at /src/shop/src/main.rs:22",
            "… inside these: <tower_http::trace::OnFailure as Other>::on at tower-http-0.6.11/src/trace/on_failure.rs:93 and 1 more",
        ]
    );
    // Nothing of the program is left: all of it was inlined.
    let excerpt = without_files(&[&PANIC, &SERVICE, &SERVICE, &THREAD]).excerpt();
    assert_eq!(excerpt.len(), MOST_FOREIGN + 1);
    assert_eq!(excerpt[0], "<F as axum::handler::Handler<((),),S>>::call::{{closure}}");
    assert_eq!(excerpt[MOST_FOREIGN], "… 6 frames of core, tower_http, watchfire_tower, axum, tokio");
}

#[test]
fn a_recursion_is_one_line_and_an_excerpt_is_bounded() {
    let walk = vec!["shop::walk @ ./src/walk.rs:4:9"; 5_000];
    let excerpt = stack(&[&PANIC, &walk, PAY, &MAIN]).excerpt();
    assert_eq!(excerpt[0], "shop::walk at src/walk.rs:4 (5000 times)");
    assert_eq!(excerpt.len(), 3);
    let turns: Vec<String> = (0..5_000).map(|line| format!("shop::turn @ ./src/turn.rs:{line}:9")).collect();
    let turns: Vec<&str> = turns.iter().map(String::as_str).collect();
    let excerpt = stack(&[&PANIC, &turns, &MAIN]).excerpt();
    assert!(excerpt.len() <= MOST_LINES + 1, "{}", excerpt.len());
}

#[test]
fn a_program_without_symbols_says_so() {
    let mut frames = vec!["<unknown>"; 12];
    frames
        .extend(["__libc_start_call_main @ ./csu/../sysdeps/nptl/libc_start_call_main.h:58:16", "<unknown>"]);
    let stack = printed(&frames);
    assert_eq!(stack.excerpt(), ["14 frames without names: the program was built without symbols"]);
    assert!(stack.frames().iter().all(|frame| !frame.in_app));
    assert_eq!(Stack::from_text("disabled backtrace\n").excerpt(), ["disabled backtrace"]);
}

#[test]
fn each_frame_is_its_owners() {
    use FrameOwner::{Dependency, Program, Startup, Std, Watchfire};
    // (frame, its owner)
    let cases = [
        ("shop::pay @ ./src/pay.rs:1:1", Program),
        ("<shop::Cart as core::fmt::Debug>::fmt @ /build/shop-1.4.2/src/cart.rs:1:1", Program),
        ("shop_callback @ C:\\work\\shop\\src\\callback.rs:1:1", Program),
        ("shop_callback", Program),
        ("<&dyn shop::Pay as shop::Pay>::pay", Program),
        (
            "<alloc::boxed::Box<dyn core::ops::function::FnOnce<()>> as core::ops::function::FnOnce<()>>::call_once",
            Std,
        ),
        (
            "<&dyn for<'a> core::ops::function::Fn<(&'a str,)> as core::ops::function::FnOnce<()>>::call_once",
            Std,
        ),
        ("shop::pay::{{closure}} @ /usr/lib/rustlib/src/rust/library/core/src/iter.rs:1:1", Std),
        ("__rustc::rust_begin_unwind", Std),
        ("core::slice::sort::merge @ C:\\rustc\\59807616e1fa\\library\\core\\src\\slice\\sort.rs:1:1", Std),
        ("core::slice::sort::merge @ \\rustc\\59807616e1fa\\library\\core\\src\\slice\\sort.rs:1:1", Std),
        ("tokio::spawn", Dependency),
        (
            "sqlx::query @ C:\\cargo\\registry\\src\\index.crates.io-1949cf8c6b5b557f\\sqlx-0.8.6\\src\\query.rs:1:1",
            Dependency,
        ),
        (
            "shop_core::pay @ /cargo/git/checkouts/shop-core-0a1b2c3d4e5f6071/9f8e7d6/src/lib.rs:1:1",
            Dependency,
        ),
        ("sqlx::query @ ./vendor/sqlx/src/query.rs:1:1", Dependency),
        ("sqlx::query @ /build/shop/vendor/sqlx/src/query.rs:1:1", Dependency),
        ("sqlx::query @ sqlx-0.8.6/src/query.rs:1:1", Dependency),
        ("<F as axum::handler::Handler<((),),S>>::call", Dependency),
        ("watchfire_core::stack::Stack::capture @ /elsewhere/crates/core/src/stack.rs:1:1", Watchfire),
        ("<watchfire::Handle as core::ops::Drop>::drop", Watchfire),
        ("capture @ ./crates/core/src/stack.rs:1:1", Watchfire),
        ("capture @ /build/crates/outbox/src/panic.rs:1:1", Watchfire),
        ("pay @ ./core/src/pay.rs:1:1", Program),
        ("pay @ ./score/src/pay.rs:1:1", Program),
        ("fmt @ $/core/src/fmt/mod.rs:1:1", Std),
        ("poll @ ~/tokio-1.54.1/src/task.rs:1:1", Dependency),
        ("watchfire_shop::pay @ ./src/pay.rs:1:1", Program),
        ("main", Startup),
        ("_start", Startup),
        ("start_thread @ ./nptl/pthread_create.c:442:8", Startup),
        ("<unknown>", Dependency),
    ];
    for (frame, owner) in cases {
        let frames = parse::frames(&printed(&[frame]).text());
        assert_eq!(FrameOwner::of(&frames[0]), owner, "{frame}");
        assert_eq!(frames[0].in_app, owner == Program, "{frame}");
    }
}

#[test]
fn a_path_is_shortened_to_its_package() {
    let cases = [
        ("~/tower-http-0.6.11/src/trace/on_failure.rs", "tower-http-0.6.11/src/trace/on_failure.rs"),
        ("$/core/src/option.rs", "core/src/option.rs"),
        ("/usr/lib/rustlib/src/rust/library/std/src/rt.rs", "std/src/rt.rs"),
        (
            "/cargo/git/checkouts/shop-core-0a1b2c3d4e5f6071/9f8e7d6/src/lib.rs",
            "shop-core-9f8e7d6/src/lib.rs",
        ),
        ("/build/vendor/sqlx/src/query.rs", "sqlx/src/query.rs"),
        ("C:\\cargo\\registry\\src\\index-0a1b\\sqlx-0.8.6\\src\\query.rs", "sqlx-0.8.6/src/query.rs"),
        ("./src/pay.rs", "src/pay.rs"),
        ("src/pay.rs", "src/pay.rs"),
        ("/build/shop-1.4.2/src/pay.rs", "/build/shop-1.4.2/src/pay.rs"),
        ("", ""),
    ];
    for (path, short) in cases {
        let path = path.replace('~', REGISTRY).replace('$', RUSTC);
        assert_eq!(short_path(&path), short);
    }
}

#[test]
fn the_list_of_our_crates_is_that_of_the_folders() {
    let crates = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for folder in std::fs::read_dir(crates).unwrap().map(|entry| entry.unwrap().file_name()) {
        let folder = folder.into_string().unwrap();
        // Programs: what they do is theirs.
        if ["cli", "xtask"].contains(&folder.as_str()) {
            continue;
        }
        let name =
            if folder == "watchfire" { folder } else { format!("watchfire_{}", folder.replace('-', "_")) };
        assert!(owner::OURS.contains(&name.as_str()), "{name}");
    }
}

#[test]
fn text_of_any_form_is_read_without_a_panic() {
    for text in [
        "",
        "\n\n",
        "0: ",
        " 1: a\n at :::\n",
        "at a:b\n",
        "1: a\n at 1:2",
        "x: y",
        "1: <\n 2: <<&dyn \n3: 'a",
    ] {
        let stack = Stack::from_text(text);
        let _lines = stack.excerpt();
        for frame in stack.frames() {
            let _line = frame.to_string();
        }
    }
}
