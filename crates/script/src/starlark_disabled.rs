//! What stands for Starlark in builds without it.

use crate::{Error, Language, Options, Output, Report, Script};

pub(crate) fn run(_: &Script, _: Options, _: Output) -> Result<Report, Error> {
    Err(Error::Unavailable(Language::Starlark))
}
