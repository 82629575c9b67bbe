//! Imports inside the engine run down: `api → translate → exec → op → runtime → machine`.

use std::fs;
use std::path::{Path, PathBuf};

/// Each may name those after it.
const LAYERS: [&str; 6] = ["api", "translate", "exec", "op", "runtime", "machine"];

/// What a file of one layer may name of a layer above. One of the machine's registers points to the
/// context: handlers of `exec` read instances, tables and the store through it, which are
/// `runtime`'s. The machine itself passes the pointer on, and writes where it stopped.
const EXCEPTIONS: [(&str, &str); 1] = [("machine", "runtime::context")];

fn layer(name: &str) -> Option<usize> {
    LAYERS.iter().position(|&layer| layer == name)
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The text without comments and without what is for tests only.
fn code_of(text: &str) -> String {
    let tests = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    let lines = text[..tests].lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The first segments after each `crate::`, groups in braces opened: `a::b` for `crate::a::b::c`.
fn paths(code: &str) -> Vec<String> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut paths = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let (mut depth, mut item) = (0, String::new());
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => paths.push(std::mem::take(&mut item)),
                    c if depth == 0 && (is_word(c) || c == ':') => item.push(c),
                    _ => {}
                }
            }
            paths.push(item);
        } else {
            let end = rest.find(|c| !is_word(c) && c != ':').unwrap_or(rest.len());
            paths.push(rest[..end].to_owned());
        }
    }
    let two = |path: String| path.split("::").take(2).collect::<Vec<_>>().join("::");
    paths.into_iter().map(two).collect()
}

/// The paths that a file of a layer names although they belong to a layer above.
fn upward(own: &str, text: &str) -> Vec<String> {
    let is_above = |path: &String| {
        let top = path.split("::").next().unwrap_or_default();
        let above = match layer(top) {
            Some(there) => Some(there) < layer(own),
            // What the crate exports by its name is the embedding API.
            None => own != "api" && top.starts_with(char::is_uppercase),
        };
        above && !EXCEPTIONS.contains(&(own, path.as_str()))
    };
    paths(&code_of(text)).into_iter().filter(is_above).collect()
}

/// Names of files that are for tests only.
const FOR_TESTS: [&str; 3] = ["tests.rs", "training.rs", "shape.rs"];

#[test]
fn imports_run_down() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut faults = Vec::new();
    for own in LAYERS {
        let mut files = Vec::new();
        rust_files(&source.join(own), &mut files);
        assert!(!files.is_empty(), "there is no layer `{own}`");
        for file in files {
            if FOR_TESTS.iter().any(|name| file.ends_with(name)) {
                continue;
            }
            let found = upward(own, &fs::read_to_string(&file).unwrap());
            let name = file.strip_prefix(&source).unwrap().display().to_string();
            faults.extend(found.into_iter().map(|path| format!("{name} names crate::{path}")));
        }
    }
    assert!(faults.is_empty(), "imports that run up:\n{}", faults.join("\n"));
}

/// Every exception is one: what does not occur any more must leave the list.
#[test]
fn exceptions_are_needed() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (own, path) in EXCEPTIONS {
        let mut files = Vec::new();
        rust_files(&source.join(own), &mut files);
        let named = files
            .iter()
            .any(|file| paths(&code_of(&fs::read_to_string(file).unwrap())).contains(&path.into()));
        assert!(named, "`{own}` does not name `{path}`");
    }
}

#[test]
fn paths_up_are_found() {
    assert_eq!(upward("exec", "use crate::api::Engine;"), ["api::Engine"]);
    assert_eq!(upward("op", "use crate::{op::a, exec::{b, c}, Trap};"), ["exec::", "Trap"]);
    assert_eq!(upward("runtime", "fn f() { crate::translate::module() }"), ["translate::module"]);
    assert!(upward("api", "use crate::machine::Ip;\nuse crate::Trap;").is_empty());
    assert!(upward("op", "/// See [`crate::exec`].\n").is_empty());
    assert!(upward("op", "#[cfg(test)]\nmod tests {\n    use crate::api::Engine;\n}").is_empty());
    assert!(upward("machine", "use crate::runtime::context::Context;").is_empty());
}
