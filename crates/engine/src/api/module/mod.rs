//! [`Module`]: a validated module, with its code.

pub(crate) mod contents;
pub(crate) mod definition;
pub(crate) mod externs;
pub(crate) mod instance;
pub(crate) mod instance_pre;
mod symbols;

use std::borrow::Cow;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use lineal_decoder::Module as Decoded;

use crate::api::engine::Engine;
use crate::api::module::externs::{ExportType, ImportType};
use crate::api::types::ExternType;
pub use crate::runtime::code::Module;
use crate::runtime::footprint;
use crate::translate;

/// What a module is made from.
enum Input<'a> {
    Borrowed(&'a [u8]),
    /// Bytes that the module can keep.
    Shared(Arc<[u8]>),
}

impl Input<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Input::Borrowed(bytes) => bytes,
            Input::Shared(bytes) => bytes,
        }
    }
}

impl Module {
    /// Creates a module from its binary format or, with the feature `wat`, its text format. Input
    /// that starts with a zero byte is taken for a binary.
    ///
    /// # Errors
    ///
    /// If the input is malformed or invalid, or uses a proposal that the engine's
    /// [`Config`](crate::Config) does not switch on. The error is a [`DecodeError`], which
    /// says where.
    ///
    /// [`DecodeError`]: crate::DecodeError
    pub fn new(engine: &Engine, bytes: impl AsRef<[u8]>) -> Result<Module> {
        Module::make(engine, Input::Borrowed(bytes.as_ref()), None)
    }

    /// Does the same as [`Module::new`] for the contents of a file, which the caller has read.
    ///
    /// If the module names a source map, it is looked for next to that file when a backtrace is
    /// first printed.
    ///
    /// # Errors
    ///
    /// As for [`Module::new`].
    pub fn new_with_file(
        engine: &Engine,
        bytes: impl AsRef<[u8]>,
        file: impl AsRef<Path>,
    ) -> Result<Module> {
        Module::make(engine, Input::Borrowed(bytes.as_ref()), Some(file.as_ref()))
    }

    /// Does the same as [`Module::new`], and keeps the bytes of a binary instead of a copy. If they
    /// are the contents of a file, this is [`Module::new_with_file`].
    ///
    /// # Errors
    ///
    /// As for [`Module::new`].
    pub fn from_shared(engine: &Engine, bytes: Arc<[u8]>, file: Option<&Path>) -> Result<Module> {
        Module::make(engine, Input::Shared(bytes), file)
    }

    /// Creates a module from its binary format only.
    ///
    /// # Errors
    ///
    /// As for [`Module::new`].
    pub fn from_binary(engine: &Engine, binary: &[u8]) -> Result<Module> {
        Module::make_of(engine, binary, binary.into(), None)
    }

    /// Makes a module from either format.
    fn make(engine: &Engine, input: Input<'_>, file: Option<&Path>) -> Result<Module> {
        let binary = match (lineal_decoder::to_binary(input.bytes())?, &input) {
            (Cow::Borrowed(_), Input::Shared(binary)) => Arc::clone(binary),
            (binary, _) => binary.as_ref().into(),
        };
        Module::make_of(engine, input.bytes(), binary, file)
    }

    /// Makes a module from a binary, which may have been made of a text.
    fn make_of(
        engine: &Engine,
        input: &[u8],
        binary: Arc<[u8]>,
        file: Option<&Path>,
    ) -> Result<Module> {
        let limit_bytes = engine.config().module_memory_limit_bytes();
        if limit_bytes < u64::MAX {
            footprint::check(footprint::of_module(&binary), limit_bytes)?;
        }
        let in_text = |error: lineal_decoder::Error| error.in_text(input, &binary);
        let features = engine.config().enabled_features();
        let (decoded, bodies) =
            Decoded::without_bodies(Arc::clone(&binary), features).map_err(in_text)?;
        let code = translate::module(engine, decoded, bodies, file).map_err(|error| {
            match error.downcast::<lineal_decoder::Error>() {
                Ok(error) => in_text(error.find_missing_proposal(&binary, features)).into(),
                Err(error) => error,
            }
        })?;
        let code = Arc::new(code);
        code.register_sites();
        Ok(Module { code })
    }

    /// Creates a module from a file in either format.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or as for [`Module::new`].
    pub fn from_file(engine: &Engine, file: impl AsRef<Path>) -> Result<Module> {
        let path = file.as_ref();
        let bytes =
            std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        Module::new_with_file(engine, bytes, path)
            .with_context(|| format!("cannot use {}", path.display()))
    }

    /// Checks that a module is valid, without making it.
    ///
    /// # Errors
    ///
    /// As for [`Module::new`].
    pub fn validate(engine: &Engine, bytes: &[u8]) -> Result<()> {
        Decoded::new(bytes, engine.config().enabled_features())?;
        Ok(())
    }

    /// The binary that the module was made from; that of its text, if it was made from that.
    pub fn binary(&self) -> &[u8] {
        &self.code().decoded.bytes
    }

    /// The imports, in the order that [`Instance::new`](crate::Instance::new) expects.
    pub fn imports(&self) -> impl ExactSizeIterator<Item = ImportType<'_>> {
        let imports = self.code.decoded.imports.iter();
        imports.map(|import| {
            let ty = self.code.extern_type(&import.ty);
            ImportType::new(&import.module, &import.name, self.engine(), ty)
        })
    }

    /// The exports.
    pub fn exports(&self) -> impl ExactSizeIterator<Item = ExportType<'_>> {
        let decoded = &self.code.decoded;
        let exports = decoded.exports.iter();
        exports.map(|export| {
            let ty = self.code.extern_type(&decoded.extern_type(export.index));
            ExportType::new(&export.name, self.engine(), ty)
        })
    }

    /// The type of what is exported under a name.
    pub fn get_export(&self, name: &str) -> Option<ExternType> {
        let decoded = &self.code.decoded;
        let ty = decoded.extern_type(decoded.export(name)?);
        Some(ExternType::lift(self.engine(), &self.code.extern_type(&ty)))
    }

    /// The engine the module was made with.
    pub fn engine(&self) -> &Engine {
        &self.code.engine
    }
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module").field("name", &self.name()).finish_non_exhaustive()
    }
}
