//! The files of a crate, each read and parsed once.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use proc_macro2::TokenStream;

use crate::{
    failure::Failure,
    functions::{self, Function},
    lines::{self, Line},
};

/// A crate's files by their paths.
#[derive(Debug, Default)]
pub(crate) struct Sources(BTreeMap<PathBuf, Source>);

/// A file that was read.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) lines: Vec<Line>,
    pub(crate) functions: Vec<Function>,
    /// For each line, whether it is compiled for tests only.
    pub(crate) is_test: Vec<bool>,
    /// Whether the whole file is.
    pub(crate) is_test_file: bool,
}

impl Sources {
    /// The items of a file. It counts as tests only if every module that it is read for does.
    pub(crate) fn read(&mut self, file: &Path, is_test: bool) -> Result<Vec<syn::Item>, Failure> {
        let text = fs::read_to_string(file)
            .map_err(|error| Failure::new(format!("cannot read {}: {error}", file.display())))?;
        let (parsed, tokens) = parse(file, &text)?;

        let known_as_code = self.0.get(file).is_some_and(|source| !source.is_test_file);
        if !known_as_code {
            self.0.insert(file.to_owned(), Source::new(&text, tokens, &parsed, is_test));
        }
        Ok(parsed.items)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Path, &Source)> {
        self.0.iter().map(|(path, source)| (path.as_path(), source))
    }
}

impl Source {
    fn new(text: &str, tokens: TokenStream, parsed: &syn::File, is_test_file: bool) -> Self {
        let found = functions::find(parsed, is_test_file);
        let lines = lines::classify(text, tokens);

        let mut is_test = vec![is_test_file; lines.len()];
        for range in found.test_lines {
            // Lines count from 1.
            is_test.iter_mut().take(*range.end()).skip(range.start() - 1).for_each(|line| *line = true);
        }
        Self { lines, functions: found.functions, is_test, is_test_file }
    }

    /// The lines of a function's body.
    pub(crate) fn body(&self, function: &Function) -> &[Line] {
        let (first, last) = (function.body.start() - 1, *function.body.end());
        self.lines.get(first..last).unwrap_or(&[])
    }
}

fn parse(file: &Path, text: &str) -> Result<(syn::File, TokenStream), Failure> {
    let located = |error: &syn::Error| {
        let at = error.span().start();
        Failure::new(format!("{}:{}:{} does not parse: {error}", file.display(), at.line, at.column + 1))
    };
    let tokens: TokenStream = text.parse().map_err(|error| located(&syn::Error::from(error)))?;
    let parsed = syn::parse_file(text).map_err(|error| located(&error))?;
    Ok((parsed, tokens))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_does_not_parse_is_named_with_its_place() {
        let failure = parse(Path::new("a.rs"), "fn f() {}\nfn g( {}\n").err().unwrap();
        assert!(failure.to_string().starts_with("a.rs:2:"), "{failure}");

        let failure = parse(Path::new("b.rs"), "fn f() {}\nstruct 1;\n").err().unwrap();
        assert!(failure.to_string().starts_with("b.rs:2:8 does not parse: expected"), "{failure}");
    }

    #[test]
    fn a_function_s_body_is_what_is_between_its_braces() {
        let text = "fn f() {\n    a();\n\n    // b\n}\nfn g() {}\n";
        let (parsed, tokens) = parse(Path::new("a.rs"), text).unwrap();
        let source = Source::new(text, tokens, &parsed, false);

        let bodies: Vec<_> = source.functions.iter().map(|it| source.body(it)).collect();
        assert_eq!(bodies, [&[Line::Code, Line::Blank, Line::Comment][..], &[]]);
    }

    #[test]
    fn lines_for_tests_are_set_apart() {
        let text = "fn f() {}\n#[cfg(test)]\nmod tests {\n}\n";
        let (parsed, tokens) = parse(Path::new("a.rs"), text).unwrap();
        assert_eq!(Source::new(text, tokens, &parsed, false).is_test, [false, true, true, true]);
    }
}
