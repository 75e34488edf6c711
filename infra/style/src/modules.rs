//! A target's modules, followed from its root file, and how they depend on one another.
//!
//! A module depends on another if a path in it leads there: in a `use`, in code or in a macro's arguments, beginning with
//! `crate`, `self`, `super` or the name of a child module. A path through a re-export leads to where the thing is from.
//! Modules that are compiled for tests only are left out.
//!
//! Cycles are looked for among the children of one parent, each standing for all that is beneath it. Parent and child
//! may name each other: one is part of the other.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use quote::ToTokens as _;
use syn::{Attribute, Expr, Item, ItemMod, Lit, Meta, UseTree};

use crate::{
    failure::Failure,
    functions::{are_for_tests, attributes},
    paths,
    source::Sources,
};

/// Aliases of aliases are followed so far: a bound for what is written in a circle.
const MAX_ALIASES: usize = 16;

/// The modules of one target.
#[derive(Debug)]
pub(crate) struct Tree {
    modules: Vec<Module>,
}

#[derive(Debug, Default)]
struct Module {
    name: String,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    /// Paths that stand in it, by segments.
    paths: Vec<Vec<String>>,
    /// What its `use` items name, and where that is from.
    aliases: BTreeMap<String, Vec<String>>,
}

/// Modules of one parent, of which each depends on each other one, by others or directly.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cycle {
    /// `crate`, or the parent's path below it.
    pub(crate) parent: String,
    pub(crate) modules: Vec<String>,
    /// How many children the parent has.
    pub(crate) of: usize,
}

impl Tree {
    /// Follows every `mod` from the target's root file, and notes in `sources` which files belong to it.
    pub(crate) fn read(root: &Path, is_test: bool, sources: &mut Sources) -> Result<Self, Failure> {
        let mut tree = Self { modules: vec![Module { name: "crate".into(), ..Module::default() }] };
        tree.read_file(0, root, true, is_test, sources)?;
        Ok(tree)
    }

    fn read_file(
        &mut self,
        module: usize,
        file: &Path,
        is_root: bool,
        is_test: bool,
        sources: &mut Sources,
    ) -> Result<(), Failure> {
        let items = sources.read(file, is_test)?;

        let folder = file.parent().unwrap_or(Path::new(""));
        let is_folder_s = is_root || file.file_name().is_some_and(|name| name == "mod.rs");
        let children = if is_folder_s { folder.to_owned() } else { file.with_extension("") };
        self.read_items(module, &items, &Place { folder, children }, is_test, sources)
    }

    fn read_items(
        &mut self,
        module: usize,
        items: &[Item],
        place: &Place<'_>,
        is_test: bool,
        sources: &mut Sources,
    ) -> Result<(), Failure> {
        for item in items {
            match item {
                Item::Mod(declared) => self.read_module(module, declared, place, is_test, sources)?,
                _ if are_for_tests(attributes(item)) => {}
                Item::Use(import) => self.read_use(module, &[], &import.tree),
                other => paths::collect(other.to_token_stream(), &mut self.modules[module].paths),
            }
        }
        Ok(())
    }

    fn read_module(
        &mut self,
        parent: usize,
        declared: &ItemMod,
        place: &Place<'_>,
        is_test: bool,
        sources: &mut Sources,
    ) -> Result<(), Failure> {
        let name = declared.ident.to_string();
        let for_tests = are_for_tests(&declared.attrs);
        // A module for tests is read for its lines, in a tree of its own.
        let mut apart = Self { modules: vec![Module::default()] };
        let (tree, module) = if for_tests {
            (&mut apart, 0)
        } else {
            let module = self.modules.len();
            self.modules.push(Module { name: name.clone(), parent: Some(parent), ..Module::default() });
            self.modules[parent].children.insert(name.clone(), module);
            (self, module)
        };

        if let Some((_, items)) = &declared.content {
            let inner = Place { folder: place.folder, children: place.children.join(&name) };
            return tree.read_items(module, items, &inner, is_test || for_tests, sources);
        }
        let file = place.find(&name, &declared.attrs)?;
        tree.read_file(module, &file, false, is_test || for_tests, sources)
    }

    fn read_use(&mut self, module: usize, prefix: &[String], tree: &UseTree) {
        let with = |name: String| [prefix, &[name]].concat();
        match tree {
            UseTree::Path(path) => self.read_use(module, &with(path.ident.to_string()), &path.tree),
            UseTree::Group(group) => group.items.iter().for_each(|item| self.read_use(module, prefix, item)),
            UseTree::Glob(_) => self.modules[module].paths.push(prefix.to_vec()),
            UseTree::Name(name) if name.ident == "self" => {
                let alias = prefix.last().cloned().unwrap_or_default();
                self.alias(module, alias, prefix.to_vec());
            }
            UseTree::Name(name) => self.alias(module, name.ident.to_string(), with(name.ident.to_string())),
            UseTree::Rename(renamed) => {
                let path = with(renamed.ident.to_string());
                self.alias(module, renamed.rename.to_string(), path);
            }
        }
    }

    fn alias(&mut self, module: usize, name: String, path: Vec<String>) {
        let module = &mut self.modules[module];
        module.paths.push(path.clone());
        module.aliases.insert(name, path);
    }

    /// The module that a path in `from` leads to; `None` if that is another crate's, or not a module's.
    fn resolve(&self, from: usize, path: &[String], aliases_left: usize) -> Option<usize> {
        let (first, mut rest) = path.split_first()?;
        let mut at = match first.as_str() {
            "crate" => 0,
            "self" => from,
            "super" => self.modules[from].parent?,
            name => *self.modules[from].children.get(name)?,
        };

        while let Some((next, further)) = rest.split_first() {
            if next == "super" {
                at = self.modules[at].parent?;
            } else if let Some(child) = self.modules[at].children.get(next) {
                at = *child;
            } else if let Some(alias) = self.modules[at].aliases.get(next) {
                let path = [alias, further].concat();
                return self.resolve(at, &path, aliases_left.checked_sub(1)?);
            } else {
                break;
            }
            rest = further;
        }
        Some(at)
    }

    /// Every cycle, the longest first.
    pub(crate) fn cycles(&self) -> Vec<Cycle> {
        let reach = self.reach();
        let mut cycles = Vec::new();
        for (parent, module) in self.modules.iter().enumerate() {
            let mut rest: BTreeSet<usize> = module.children.values().copied().collect();
            while let Some(first) = rest.pop_first() {
                let around = |other: &usize| reach[first].contains(other) && reach[*other].contains(&first);
                let others: Vec<usize> = rest.extract_if(.., around).collect();
                if others.is_empty() {
                    continue;
                }
                let modules = std::iter::once(first).chain(others).map(|it| self.modules[it].name.clone());
                let (modules, of) = (modules.collect(), module.children.len());
                cycles.push(Cycle { parent: self.path_of(parent), modules, of });
            }
        }
        cycles.sort_by_key(|cycle| std::cmp::Reverse(cycle.modules.len()));
        cycles
    }

    /// For each module its siblings that it depends on, by others or directly.
    fn reach(&self) -> Vec<BTreeSet<usize>> {
        let mut reach = self.dependencies();
        loop {
            let before: usize = reach.iter().map(BTreeSet::len).sum();
            for module in 0..reach.len() {
                let further: Vec<_> = reach[module].iter().flat_map(|next| reach[*next].clone()).collect();
                reach[module].extend(further);
            }
            if reach.iter().map(BTreeSet::len).sum::<usize>() == before {
                return reach;
            }
        }
    }

    fn dependencies(&self) -> Vec<BTreeSet<usize>> {
        let mut dependencies = vec![BTreeSet::new(); self.modules.len()];
        for (from, module) in self.modules.iter().enumerate() {
            for target in module.paths.iter().filter_map(|path| self.resolve(from, path, MAX_ALIASES)) {
                if let Some((one, other)) = self.siblings_above(from, target) {
                    dependencies[one].insert(other);
                }
            }
        }
        dependencies
    }

    /// Where the ways down to two modules part: two children of one parent; `None` if one is part of the other.
    fn siblings_above(&self, from: usize, target: usize) -> Option<(usize, usize)> {
        let (from, target) = (self.way_to(from), self.way_to(target));
        from.into_iter().zip(target).find(|(one, other)| one != other)
    }

    /// From the root to a module, both included.
    fn way_to(&self, module: usize) -> Vec<usize> {
        let mut way: Vec<_> = std::iter::successors(Some(module), |at| self.modules[*at].parent).collect();
        way.reverse();
        way
    }

    fn path_of(&self, module: usize) -> String {
        let names = self.way_to(module).into_iter().map(|it| self.modules[it].name.as_str());
        names.collect::<Vec<_>>().join("::")
    }
}

/// Where a module's `mod` items look for their files.
struct Place<'a> {
    /// The folder of the file that this stands in.
    folder: &'a Path,
    /// The folder for files of child modules.
    children: PathBuf,
}

impl Place<'_> {
    fn find(&self, name: &str, attributes: &[Attribute]) -> Result<PathBuf, Failure> {
        if let Some(path) = attributes.iter().find_map(path_attribute) {
            return Ok(self.folder.join(path));
        }
        let candidates = [self.children.join(format!("{name}.rs")), self.children.join(name).join("mod.rs")];
        let found = candidates.iter().find(|file| file.is_file());
        found.cloned().ok_or_else(|| Failure::new(format!("mod {name} is neither of {candidates:?}")))
    }
}

/// The file that `#[path = "…"]` names.
fn path_attribute(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else { return None };
    let Expr::Lit(literal) = &pair.value else { return None };
    match &literal.lit {
        Lit::Str(path) if pair.path.is_ident("path") => Some(path.value()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree of a target in one file.
    #[track_caller]
    fn tree(source: &str) -> Tree {
        let file = syn::parse_file(source).unwrap();
        let mut tree = Tree { modules: vec![Module { name: "crate".into(), ..Module::default() }] };
        let place = Place { folder: Path::new(""), children: PathBuf::new() };
        tree.read_items(0, &file.items, &place, false, &mut Sources::default()).unwrap();
        tree
    }

    #[track_caller]
    fn cycles(source: &str) -> Vec<(String, String)> {
        let found = tree(source).cycles();
        found.into_iter().map(|cycle| (cycle.parent, cycle.modules.join(" "))).collect()
    }

    fn cycle(parent: &str, modules: &str) -> Vec<(String, String)> {
        vec![(parent.to_owned(), modules.to_owned())]
    }

    #[test]
    fn modules_that_use_each_other_are_a_cycle() {
        let source =
            "mod a { use crate::b::B; } mod b { use super::c; } mod c { fn f() { crate::a::f() } } mod d {}";
        assert_eq!(cycles(source), cycle("crate", "a b c"));
    }

    #[test]
    fn modules_in_one_direction_are_none() {
        let source = "mod a { use crate::{b::B, c}; } mod b { use crate::c::C; } mod c {}";
        assert_eq!(cycles(source), []);
    }

    #[test]
    fn parent_and_child_are_none() {
        assert_eq!(cycles("mod a { use crate::Root; } use a::A; struct Root;"), []);
    }

    #[test]
    fn what_is_beneath_a_module_counts_as_its_own() {
        let source = "mod a { mod deep { use crate::b::B; } } mod b { use crate::a; }";
        assert_eq!(cycles(source), cycle("crate", "a b"));

        let inner = "mod a { mod x { use super::y::Y; } mod y { use super::x::X; } }";
        assert_eq!(cycles(inner), cycle("crate::a", "x y"));
    }

    #[test]
    fn a_re_export_leads_to_where_the_thing_is_from() {
        let source = "mod a { use crate::B; } mod b { use crate::a::A as Other; } pub use b::B;";
        assert_eq!(cycles(source), cycle("crate", "a b"));
        assert_eq!(
            cycles("mod a { use crate::B; } mod b { use crate::a::A; } use b as c;"),
            [],
            "B is the root's"
        );
    }

    #[test]
    fn aliases_in_a_circle_end() {
        assert_eq!(cycles("mod a { use crate::X; } use self::Y as X; use self::X as Y;"), []);
    }

    #[test]
    fn macros_and_attributes_are_read_and_tests_are_not() {
        let source =
            "mod a { routes!(super::b::read); } mod b { #[schema(example = crate::a::it)] struct B; }";
        assert_eq!(cycles(source), cycle("crate", "a b"));

        for test in [
            "mod tests { use crate::a::A; }",
            "tests!(crate::a::A);",
            "extern \"C\" { fn f(a: crate::a::A); }",
        ] {
            let source = format!("mod a {{ use crate::b::B; }} mod b {{ #[cfg(test)] {test} }}");
            assert_eq!(cycles(&source), [], "{test}");
        }
    }

    #[test]
    fn another_crate_s_paths_lead_nowhere() {
        let source =
            "mod a { use ::b::B; fn f() { ::b::f() } fn g(b: ::b::B) {} } mod b { use crate::a::A; }";
        assert_eq!(cycles(source), []);
    }

    #[test]
    fn a_file_that_is_missing_is_a_failure() {
        let place = Place { folder: Path::new("src"), children: PathBuf::from("src") };
        assert!(place.find("no_such_module", &[]).is_err());
    }
}
