//! The command behind `cargo xtask exits`: prints the tables of ends, and writes them into the guide or compares it.

use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use watchfire_tests::exits::{Matrix, compare, frames, matrix, replace};

const USAGE: &str = "usage: exits GUIDE write|compare DEBUG ABORT RELEASE STRIPPED";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = env::args().skip(1).collect();
    let [guide, task, debug, abort, release, stripped] = words.as_slice() else { return Err(USAGE.into()) };
    let builds = [("debug", debug), ("release", release), ("stripped", stripped)];
    let builds = builds.map(|(name, path)| (name, PathBuf::from(path)));
    let sections = [
        ("plain", matrix(Path::new(debug), Matrix::PLAIN)?),
        ("tokio", matrix(Path::new(debug), Matrix::TOKIO)?),
        ("abort", matrix(Path::new(abort), Matrix::ABORT)?),
        ("forked", matrix(Path::new(debug), Matrix::FORKED)?),
        ("frames", frames(&builds)?),
    ];
    let mut text = fs::read_to_string(guide)?;
    for (name, section) in &sections {
        println!("{section}");
        match task.as_str() {
            "write" => text = replace(&text, name, section)?,
            "compare" => compare(&text, name, section)?,
            _ => return Err(USAGE.into()),
        }
    }
    fs::write(guide, text)?;
    Ok(())
}
