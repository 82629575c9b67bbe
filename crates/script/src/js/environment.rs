//! What scripts expect around them, as far as it needs the host: printing, files, time.

use std::cell::RefCell;
use std::io::Write;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use rquickjs::{Array, ArrayBuffer, Ctx, Function, Object, Persistent, Result, Value};

use super::natives::Natives;
use super::raw;
use super::realm::Realm;
use crate::{Options, Output, Script};

/// What a script has around it.
pub(super) struct Environment {
    /// The directory of the script: what it can read is in there.
    root: PathBuf,
    /// The script's file, from the file system's root.
    pub(super) file: PathBuf,
    args: Vec<String>,
    strict: bool,
    start: Instant,
    deadline: Option<Instant>,
    output: RefCell<Output>,
    /// Why nothing can be printed any more.
    failure: RefCell<Option<std::io::Error>>,
    /// The functions of `environment.js`.
    functions: RefCell<Option<Persistent<Object<'static>>>>,
}

impl Environment {
    pub(super) fn new(script: &Script, options: &Options, output: Output) -> Environment {
        let file = std::path::absolute(&script.file).unwrap_or_else(|_| script.file.clone());
        let file = file.canonicalize().unwrap_or(file);
        Environment {
            root: file.parent().map(Path::to_owned).unwrap_or_default(),
            file,
            args: options.args.clone(),
            strict: options.strict,
            start: Instant::now(),
            deadline: options.deadline,
            output: RefCell::new(output),
            failure: RefCell::default(),
            functions: RefCell::default(),
        }
    }

    /// The file for a path of the script's, if that is in the script's directory.
    pub(super) fn locate(&self, path: &Path) -> std::result::Result<PathBuf, String> {
        let mut full = PathBuf::new();
        for part in self.root.join(path).components() {
            match part {
                Component::ParentDir => drop(full.pop()),
                Component::CurDir => {}
                part => full.push(part),
            }
        }
        // A link inside the directory may lead out of it.
        let real = full.canonicalize().unwrap_or(full);
        if real.starts_with(&self.root) {
            return Ok(real);
        }
        let (path, root) = (path.display(), self.root.display());
        Err(format!("{path} is not in the script's directory, {root}"))
    }

    fn read(&self, path: &Path) -> std::result::Result<Option<Vec<u8>>, String> {
        let file = self.locate(path)?;
        match std::fs::read(&file) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("cannot read {}: {error}", file.display())),
        }
    }

    fn print(&self, to_error: bool, text: &str) {
        let mut output = self.output.borrow_mut();
        let printed = if to_error {
            let flushed = output.out.flush();
            flushed.and_then(|()| output.err.write_all(text.as_bytes()))
        } else {
            output.out.write_all(text.as_bytes())
        };
        if let Err(error) = printed {
            self.failure.borrow_mut().get_or_insert(error);
        }
    }

    /// Writes out what was printed.
    pub(super) fn flush(&self) {
        if let Err(error) = self.output.borrow_mut().out.flush() {
            self.failure.borrow_mut().get_or_insert(error);
        }
    }

    /// Whether something could not be printed.
    pub(super) fn has_failed(&self) -> bool {
        self.failure.borrow().is_some()
    }

    /// Why that was.
    pub(super) fn take_failure(&self) -> Option<std::io::Error> {
        self.failure.borrow_mut().take()
    }

    /// Forgets what belongs to the script's engine, before that ends.
    pub(super) fn close(&self) {
        *self.functions.borrow_mut() = None;
    }

    /// Defines everything; the options for `webassembly.js`.
    pub(super) fn define<'js>(
        self: &Rc<Self>,
        ctx: &Ctx<'js>,
        realm: &Rc<Realm>,
    ) -> Result<Object<'js>> {
        let object = Object::new(ctx.clone())?;
        let natives = Natives { ctx, object: &object };
        self.define_natives(&natives)?;
        object.set("scriptUrl", file_url(&self.file))?;
        let source = include_str!("environment.js");
        let define = super::evaluate_own(ctx, source, "lineal:environment")?;
        let functions: Object<'js> = define.call((object,))?;
        let options = Object::new(ctx.clone())?;
        options.set("responseBody", functions.get::<_, Value<'js>>("responseBody")?)?;
        options.set("assemblyScript", functions.get::<_, Value<'js>>("assemblyScript")?)?;
        options.set("trace", functions.get::<_, Value<'js>>("trace")?)?;
        options.set("strict", self.strict)?;
        options.set("defaults", realm.linker.is_some())?;
        let environment = self.clone();
        let warn = move |text: String| environment.print(true, &format!("{text}\n"));
        options.set("warn", Function::new(ctx.clone(), warn)?)?;
        *self.functions.borrow_mut() = Some(Persistent::save(ctx, functions));
        let args = std::iter::once(self.file.display().to_string()).chain(self.args.clone());
        ctx.globals().set("scriptArgs", args.collect::<Vec<String>>())?;
        Ok(options)
    }

    fn define_natives<'js>(self: &Rc<Self>, natives: &Natives<'_, 'js>) -> Result<()> {
        let environment = self.clone();
        natives
            .add("print", move |to_error: bool, text: String| environment.print(to_error, &text))?;
        let start = self.start;
        natives.add("now", move || start.elapsed().as_secs_f64() * 1000.0)?;
        let deadline = self.deadline;
        natives.add("isOver", move || super::is_past(deadline))?;
        let environment = self.clone();
        // The bytes; null if there is no such file; a text if it cannot be read.
        natives.add("readFile", move |ctx: Ctx<'js>, path: String| {
            match environment.read(Path::new(&path)) {
                Ok(Some(bytes)) => Result::Ok(ArrayBuffer::new(ctx.clone(), bytes)?.into_value()),
                Ok(None) => Ok(Value::new_null(ctx.clone())),
                Err(text) => Ok(rquickjs::String::from_str(ctx.clone(), &text)?.into_value()),
            }
        })?;
        natives.add("encode", |ctx: Ctx<'js>, text: String| {
            ArrayBuffer::new(ctx, text.into_bytes())
        })?;
        natives.add(
            "decode",
            |buffer: Value<'js>,
             start: usize,
             len: usize,
             encoding: String,
             fatal: bool,
             stream: bool| {
                let ctx = buffer.ctx().clone();
                let bytes = raw::copy_bytes(&buffer, start, len).unwrap_or_default();
                let row = Array::new(ctx.clone())?;
                match decode(&bytes, &encoding, fatal, stream) {
                    Some((units, used)) => {
                        row.set(0, raw::string(&ctx, &units)?)?;
                        row.set(1, used)?;
                    }
                    None => row.set(0, Value::new_null(ctx))?,
                }
                Result::Ok(row)
            },
        )?;
        natives.add("promiseState", |value: Value<'js>, show: Function<'js>| {
            let Some(promise) = value.as_promise() else { return Result::Ok(String::new()) };
            match promise.result::<Value<'js>>() {
                None => Ok("<pending>".to_owned()),
                Some(Ok(value)) => show.call((value,)),
                Some(Err(_)) => {
                    let reason = value.ctx().catch();
                    Ok(format!("<rejected> {}", show.call::<_, String>((reason,))?))
                }
            }
        })
    }

    fn function<'js>(&self, ctx: &Ctx<'js>, name: &str) -> Result<Function<'js>> {
        let functions = self.functions.borrow().clone();
        functions.ok_or(rquickjs::Error::Unknown)?.restore(ctx)?.get(name)
    }

    /// How long it is until the next timer; `None` if there is none.
    pub(super) fn until_timer(&self, ctx: &Ctx<'_>) -> Result<Option<Duration>> {
        let ms: f64 = self.function(ctx, "untilTimer")?.call(())?;
        Ok((ms >= 0.0).then(|| Duration::from_secs_f64(ms / 1000.0)))
    }

    pub(super) fn run_timer(&self, ctx: &Ctx<'_>) -> Result<()> {
        self.function(ctx, "runTimer")?.call(())
    }

    /// Takes note that a promise was rejected, or that its rejection was handled after all.
    pub(super) fn rejection<'js>(
        &self,
        ctx: &Ctx<'js>,
        promise: Value<'js>,
        reason: Value<'js>,
        handled: bool,
    ) -> Result<()> {
        self.function(ctx, "rejection")?.call((promise, reason, handled))
    }

    /// The reason of a promise that was rejected and that nothing handles.
    pub(super) fn unhandled<'js>(&self, ctx: &Ctx<'js>) -> Result<Option<Value<'js>>> {
        let reasons: Vec<Value<'js>> = self.function(ctx, "takeRejections")?.call(())?;
        Ok(reasons.into_iter().next())
    }

    /// A value as the console shows it.
    pub(super) fn show<'js>(&self, ctx: &Ctx<'js>, value: &Value<'js>) -> String {
        let shown = self.function(ctx, "show").and_then(|show| show.call((value.clone(),)));
        shown.unwrap_or_else(|_| {
            ctx.catch();
            format!("{value:?}")
        })
    }
}

/// The URL of a file.
pub(super) fn file_url(file: &Path) -> String {
    let path = file.display().to_string().replace('%', "%25").replace(' ', "%20");
    let path = path.replace('#', "%23").replace('?', "%3F").replace('\\', "/");
    let slash = if path.starts_with('/') { "" } else { "/" };
    format!("file://{slash}{path}")
}

/// The code units of a text, and how many bytes were read; `None` if they are invalid and must not
/// be. While a stream goes on, a character that is not complete is left for later.
fn decode(bytes: &[u8], encoding: &str, fatal: bool, stream: bool) -> Option<(Vec<u16>, usize)> {
    match encoding {
        "utf-16le" => {
            let used = if stream { bytes.len() & !1 } else { bytes.len() };
            let units = bytes[..used].chunks(2).map(|pair| match *pair {
                [low, high] => u16::from_le_bytes([low, high]),
                _ => 0xfffd,
            });
            Some((units.collect(), used))
        }
        "utf-8" => decode_utf8(bytes, fatal, stream),
        _ => Some((bytes.iter().map(|&byte| windows_1252(byte)).collect(), bytes.len())),
    }
}

fn decode_utf8(bytes: &[u8], fatal: bool, stream: bool) -> Option<(Vec<u16>, usize)> {
    let mut units = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    loop {
        match std::str::from_utf8(rest) {
            Ok(text) => {
                units.extend(text.encode_utf16());
                return Some((units, bytes.len()));
            }
            Err(error) => {
                let (valid, after) = rest.split_at(error.valid_up_to());
                units.extend(String::from_utf8_lossy(valid).encode_utf16());
                if error.error_len().is_none() && stream {
                    return Some((units, bytes.len() - after.len()));
                }
                if fatal {
                    return None;
                }
                units.push(0xfffd);
                rest = &after[error.error_len().unwrap_or(after.len())..];
            }
        }
    }
}

/// What windows-1252 has where Latin-1 has control characters.
const WINDOWS: [u16; 32] = [
    0x20ac, 0x81, 0x201a, 0x192, 0x201e, 0x2026, 0x2020, 0x2021, 0x2c6, 0x2030, 0x160, 0x2039,
    0x152, 0x8d, 0x17d, 0x8f, 0x90, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x2dc,
    0x2122, 0x161, 0x203a, 0x153, 0x9d, 0x17e, 0x178,
];

fn windows_1252(byte: u8) -> u16 {
    match byte {
        0x80..=0x9f => WINDOWS[usize::from(byte - 0x80)],
        _ => byte.into(),
    }
}
