//! What the tests start: the built program, with files of their own.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

/// The program with some arguments, to be started.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lineal"));
    command.args(args).env_remove("RUST_BACKTRACE");
    command
}

/// Writes a file for one test; its path.
pub(crate) fn file(name: &str, contents: impl AsRef<[u8]>) -> String {
    static WRITTEN: AtomicU64 = AtomicU64::new(0);
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    // Put in its place whole: a command of another test may be reading a file of that name.
    let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
    let new = path.with_added_extension(format!("{}-{number}", std::process::id()));
    std::fs::write(&new, contents).unwrap();
    std::fs::rename(&new, &path).unwrap();
    path.into_os_string().into_string().unwrap()
}
