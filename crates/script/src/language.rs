//! [`Language`]: what a script is written in.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use crate::js;

/// A language that scripts are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    /// Lua 5.4.
    Lua,
    /// Starlark.
    Starlark,
    /// JavaScript.
    JavaScript,
}

impl Language {
    /// All of them, in this build or not.
    pub const ALL: [Language; 3] = [Language::Lua, Language::Starlark, Language::JavaScript];

    /// The language of a file, by the ending of its name: `.lua`, `.star`, `.js` or `.mjs`.
    ///
    /// ```
    /// use lineal_script::Language;
    ///
    /// assert_eq!(Language::of_file("a/b.lua"), Some(Language::Lua));
    /// assert_eq!(Language::of_file("lua"), None);
    /// ```
    pub fn of_file(file: impl AsRef<Path>) -> Option<Language> {
        match file.as_ref().extension()?.to_str()? {
            "lua" => Some(Language::Lua),
            "star" => Some(Language::Starlark),
            "js" | "mjs" => Some(Language::JavaScript),
            _ => None,
        }
    }

    /// Whether this build includes the language.
    pub fn is_available(self) -> bool {
        match self {
            Language::Lua => cfg!(feature = "lua"),
            Language::Starlark => cfg!(feature = "starlark"),
            Language::JavaScript => js::AVAILABLE,
        }
    }

    /// The feature of this crate that includes the language.
    pub fn feature(self) -> &'static str {
        match self {
            Language::Lua => "lua",
            Language::Starlark => "starlark",
            Language::JavaScript => "js",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Language::Lua => "Lua",
            Language::Starlark => "Starlark",
            Language::JavaScript => "JavaScript",
        })
    }
}

/// A name that is not one of a language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownLanguage(String);

impl FromStr for Language {
    type Err = UnknownLanguage;

    /// Takes the names `lua`, `starlark`, `star`, `javascript`, `js` and `mjs`.
    fn from_str(name: &str) -> Result<Language, UnknownLanguage> {
        match name {
            "lua" => Ok(Language::Lua),
            "starlark" | "star" => Ok(Language::Starlark),
            "javascript" | "js" | "mjs" => Ok(Language::JavaScript),
            _ => Err(UnknownLanguage(name.to_owned())),
        }
    }
}

impl fmt::Display for UnknownLanguage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown language `{}`: expected lua, starlark or js", self.0)
    }
}

impl std::error::Error for UnknownLanguage {}
