//! Is `ends`, to be built with `panic = "abort"`: what it is made of may unwind, it may not.
//!
//! It wants a feature that nothing else here has, so that only the test that needs it builds it.

#[path = "ends.rs"]
mod ends;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    ends::main()
}
