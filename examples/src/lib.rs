//! The programs are in `src/bin`, their tests in `tests/it`.
