//! Counts texts for a comparison with the counter of somebody else: reads one JSON string per line, writes
//! `{"alphabet":..,"units":..,"count":..}` for each.
#![expect(clippy::print_stdout, reason = "a program")]

use std::{error::Error, io};

use watchfire_sms::{Alphabet, Segments};

fn main() -> Result<(), Box<dyn Error>> {
    for line in io::stdin().lines() {
        let text: String = serde_json::from_str(&line?)?;
        let Segments { alphabet, units, count } = Segments::of(&text);
        let alphabet = match alphabet {
            Alphabet::Gsm7 => "GSM-7",
            Alphabet::Ucs2 => "UCS-2",
        };
        println!("{}", serde_json::json!({ "alphabet": alphabet, "units": units, "count": count }));
    }
    Ok(())
}
