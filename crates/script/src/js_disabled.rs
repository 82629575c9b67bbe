//! What stands for JavaScript in builds without it.

use crate::{Error, Language, Options, Output, Report, Script};

/// Whether this build runs JavaScript.
pub(crate) const AVAILABLE: bool = false;

pub(crate) fn run(_: &Script, _: Options, _: Output) -> Result<Report, Error> {
    Err(Error::Unavailable(Language::JavaScript))
}
