//! What is counted, over all crates.

use std::path::{Path, PathBuf};

use crate::{
    failure::Failure,
    functions::Function,
    lines::Line,
    modules::{Cycle, Tree},
    numbers::Share,
    source::{Source, Sources},
    workspace::Crate,
};

/// A body of so many lines should have a paragraph's break or a comment.
const LONG_BODY: usize = 20;

/// Everything that was counted.
#[derive(Debug, Default)]
pub(crate) struct Measures {
    pub(crate) crates: Vec<CrateLines>,
    pub(crate) cycles: Vec<(String, Cycle)>,
    pub(crate) files: Vec<Length>,
    pub(crate) test_files: Vec<Length>,
    pub(crate) functions: Vec<Length>,
    pub(crate) test_functions: Vec<Length>,
    pub(crate) handlers: Vec<Handler>,
    /// Blank lines of the lines inside function bodies, tests apart. A nested function's lines count once.
    pub(crate) blank_in_bodies: Share,
    /// Bodies of [`LONG_BODY`] lines or more without a blank line or a comment, of all such bodies.
    pub(crate) unbroken_bodies: Share,
    /// Lines in bodies that are a comment and nothing else, of all lines of all kinds, tests apart.
    pub(crate) comments_in_bodies: Share,
}

/// How many lines a crate has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CrateLines {
    pub(crate) name: String,
    pub(crate) code: usize,
    pub(crate) comment: usize,
    pub(crate) blank: usize,
    /// Lines of all three kinds that are for tests.
    pub(crate) tests: usize,
}

/// How long something is, in lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Length {
    pub(crate) lines: usize,
    /// Its place, from the workspace's folder.
    pub(crate) what: String,
}

/// An HTTP handler, by its place, and the calls that it makes.
#[derive(Debug)]
pub(crate) struct Handler {
    pub(crate) what: String,
    pub(crate) calls: usize,
}

impl Measures {
    pub(crate) fn of(root: &Path, crates: &[Crate]) -> Result<Self, Failure> {
        let mut measures = Self::default();
        for member in crates {
            measures.read_crate(root, member)?;
        }
        Ok(measures)
    }

    fn read_crate(&mut self, root: &Path, member: &Crate) -> Result<(), Failure> {
        let mut sources = Sources::default();
        for target in &member.targets {
            let tree = Tree::read(&target.root, target.is_test, &mut sources)?;
            if !target.is_test {
                self.cycles.extend(tree.cycles().into_iter().map(|cycle| (member.name.clone(), cycle)));
            }
        }

        let mut lines = CrateLines { name: member.name.clone(), ..CrateLines::default() };
        for (path, source) in sources.iter() {
            let place = path.strip_prefix(root).map_or_else(|_| path.to_owned(), PathBuf::from);
            lines.add(source);
            self.add(&place.display().to_string(), source);
        }
        self.crates.push(lines);
        Ok(())
    }

    fn add(&mut self, place: &str, source: &Source) {
        let length = Length { lines: source.lines.len(), what: place.to_owned() };
        if source.is_test_file { &mut self.test_files } else { &mut self.files }.push(length);

        self.comments_in_bodies.whole += source.is_test.iter().filter(|is_test| !**is_test).count();
        for function in &source.functions {
            self.add_function(place, source, function);
        }
    }

    fn add_function(&mut self, place: &str, source: &Source, function: &Function) {
        let what = format!("{place}:{} {}", function.line, function.name);
        let length = Length { lines: function.length, what: what.clone() };
        if function.is_test {
            self.test_functions.push(length);
            return;
        }
        self.functions.push(length);
        self.handlers.extend(function.handler_calls.map(|calls| Handler { what, calls }));

        let body = source.body(function);
        if body.len() >= LONG_BODY {
            self.unbroken_bodies.count(body.iter().all(|line| *line == Line::Code));
        }
        if !function.is_nested {
            for line in body {
                self.blank_in_bodies.count(*line == Line::Blank);
                self.comments_in_bodies.part += usize::from(*line == Line::Comment);
            }
        }
    }
}

impl CrateLines {
    fn add(&mut self, source: &Source) {
        for (line, is_test) in source.lines.iter().zip(&source.is_test) {
            let counter = match line {
                _ if *is_test => &mut self.tests,
                Line::Code => &mut self.code,
                Line::Comment => &mut self.comment,
                Line::Blank => &mut self.blank,
            };
            *counter += 1;
        }
    }
}
