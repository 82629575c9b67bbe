//! What the tests start: the built program, with files of their own.

use std::path::Path;
use std::process::Command;

/// The program with some arguments, to be started.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lineal"));
    command.args(args).env_remove("RUST_BACKTRACE");
    command
}

/// Writes a file for one test; its path.
pub(crate) fn file(name: &str, contents: impl AsRef<[u8]>) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, contents).unwrap();
    path.into_os_string().into_string().unwrap()
}
