//! The README's examples of scripts are those in `examples/scripts`, and print what it says.

use std::cell::RefCell;
use std::io::{self, Write};
use std::path::Path;
use std::rc::Rc;

use lineal::Engine;
use lineal_script::{Language, Options, Output, Script, run};

#[derive(Clone, Default)]
struct Kept(Rc<RefCell<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The first block of a kind, and what stands after it.
fn block<'a>(text: &'a str, kind: &str) -> (&'a str, &'a str) {
    let start = format!("```{kind}\n");
    let (_, rest) = text.split_once(&start).unwrap_or_else(|| panic!("no block of {kind}"));
    rest.split_once("```\n").expect("the block ends")
}

#[test]
fn examples_print_what_the_readme_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    for (kind, name, module) in [
        ("lua", "blocks.lua", None),
        ("starlark", "reverse.star", Some("examples/reverse.wat")),
        ("js", "reverse.js", Some("examples/reverse.wat")),
    ] {
        let (code, rest) = block(&readme, kind);
        let (expected, _) = block(rest, "text");
        let file = root.join("examples/scripts").join(name);
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.ends_with(code), "{name} is not what the README shows");
        let language = Language::of_file(&file).unwrap();
        if !language.is_available() {
            continue;
        }
        let out = Kept::default();
        let output =
            Output { out: Box::new(out.clone()), err: Box::new(io::stderr()), colours: false };
        let mut options = Options::new(&Engine::default());
        options.module = module.map(|module| root.join(module));
        run(&Script { file, text, language }, options, output).unwrap();
        let printed = String::from_utf8(out.0.borrow().clone()).unwrap();
        assert_eq!(printed, expected, "{name}");
    }
}
