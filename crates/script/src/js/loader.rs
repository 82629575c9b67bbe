//! ES modules: which files imports name, and their texts.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::module::Declared;
use rquickjs::{Ctx, Error, Module, Result, Value};

use super::environment::{Environment, file_url};
use crate::Script;

/// Finds the files that imports name.
pub(super) struct FileResolver(Rc<Environment>);

/// Reads those files.
pub(super) struct FileLoader;

impl Environment {
    pub(super) fn resolver(self: Rc<Self>) -> FileResolver {
        FileResolver(self)
    }

    /// Starts a script that is a module; a promise of its end.
    pub(super) fn evaluate_module<'js>(
        &self,
        ctx: &Ctx<'js>,
        script: &Script,
    ) -> Result<Value<'js>> {
        let name = script.file.display().to_string();
        let module = declare(ctx, &name, &script.text, &self.file)?;
        let (_, promise) = module.eval()?;
        Ok(promise.into_value())
    }
}

impl Resolver for FileResolver {
    fn resolve<'js>(
        &mut self,
        _: &Ctx<'js>,
        base: &str,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> Result<String> {
        let refuse = |message: String| Error::new_resolving_message(base, name, message);
        let path = match name.strip_prefix("file://") {
            Some(path) => PathBuf::from(path.replace("%20", " ")),
            None if name.starts_with(['.', '/']) => {
                let base = std::path::absolute(base).unwrap_or_default();
                base.parent().unwrap_or(Path::new("")).join(name)
            }
            None => {
                let message = "only files can be imported: a name starts with ./, ../ or /";
                return Err(refuse(message.to_owned()));
            }
        };
        let file = self.0.locate(&path).map_err(refuse)?;
        Ok(file.display().to_string())
    }
}

impl Loader for FileLoader {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        attributes: Option<ImportAttributes<'js>>,
    ) -> Result<Module<'js, Declared>> {
        let refuse = |message: String| Error::new_loading_message(name, message);
        let path = Path::new(name);
        let bytes = std::fs::read(path).map_err(|error| refuse(error.to_string()))?;
        if bytes.starts_with(b"\0asm") {
            let message = "it is a WebAssembly module, which import does not read: \
                           use WebAssembly.instantiateStreaming(fetch(file), imports)";
            return Err(refuse(message.to_owned()));
        }
        let text = String::from_utf8(bytes);
        let text = text.map_err(|_| refuse("it is not a text in UTF-8".to_owned()))?;
        if text.contains('\0') {
            return Err(refuse("it contains a NUL character, so it is no script".to_owned()));
        }
        let kind = attributes.map(|attributes| attributes.get_type()).transpose()?.flatten();
        if kind.as_deref() == Some("json") || name.ends_with(".json") {
            // The text is parsed here, so that it is data whatever it says.
            let value = ctx.json_parse(text)?;
            let text = ctx.json_stringify(value)?.map(|text| text.to_string()).transpose()?;
            let text = text.unwrap_or_else(|| "undefined".to_owned());
            return Module::declare(ctx.clone(), name, format!("export default {text};"));
        }
        declare(ctx, name, &text, path)
    }
}

/// A module of a file, whose `import.meta` has the file's URL.
fn declare<'js>(
    ctx: &Ctx<'js>,
    name: &str,
    text: &str,
    file: &Path,
) -> Result<Module<'js, Declared>> {
    let module = Module::declare(ctx.clone(), name, text)?;
    let meta = module.meta()?;
    meta.set("url", file_url(file))?;
    Ok(module)
}

/// Whether a text that is no valid script may be a module.
pub(super) fn looks_like_module(text: &str) -> bool {
    text.contains("import") || text.contains("export") || text.contains("await")
}
