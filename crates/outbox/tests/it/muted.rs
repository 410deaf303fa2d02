//! What the outbox and its clients log, with our layer as the global default.

use std::process::Command;

use crate::ends::program;

#[test]
fn a_sink_whose_client_logs_does_not_loop() {
    let output = Command::new(program("chatty")).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "1 captured, 1 delivered\n", "{errors}");
}
