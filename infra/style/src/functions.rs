//! The functions of a file, and which of its lines belong to tests.

use std::ops::RangeInclusive;

use syn::{
    Attribute, Block, ImplItemFn, Item, ItemFn, Meta, Signature, TraitItemFn,
    spanned::Spanned as _,
    visit::{self, Visit},
};

use crate::handlers;

/// A function or method with a body.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// The line of its signature.
    pub(crate) line: usize,
    /// Lines from its signature to its closing brace; attributes and documentation are none of them.
    pub(crate) length: usize,
    /// The first and the last line between its braces' lines; empty where it has none.
    pub(crate) body: RangeInclusive<usize>,
    /// It runs only in tests.
    pub(crate) is_test: bool,
    /// It stands inside another function, whose body has its lines too.
    pub(crate) is_nested: bool,
    /// The calls that it makes, if it is an HTTP handler.
    pub(crate) handler_calls: Option<usize>,
}

/// What was found in a file.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) functions: Vec<Function>,
    /// Lines of what is compiled for tests only, attributes included.
    pub(crate) test_lines: Vec<RangeInclusive<usize>>,
}

pub(crate) fn find(file: &syn::File, is_test: bool) -> Found {
    let mut finder = Finder { found: Found::default(), is_test, depth: 0 };
    finder.visit_file(file);
    finder.found
}

/// True if the attributes say that what they stand on is compiled for tests only: `#[cfg(test)]`, `#[test]`, and such
/// as `#[cfg(all(test, unix))]` and `#[tokio::test]`.
pub(crate) fn are_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let path = attribute.path();
        if path.is_ident("cfg") {
            return attribute.parse_args().is_ok_and(|condition| needs_test(&condition));
        }
        path.segments.last().is_some_and(|last| last.ident == "test")
    })
}

/// The attributes of an item of any kind.
pub(crate) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(it) => &it.attrs,
        Item::Enum(it) => &it.attrs,
        Item::ExternCrate(it) => &it.attrs,
        Item::Fn(it) => &it.attrs,
        Item::ForeignMod(it) => &it.attrs,
        Item::Impl(it) => &it.attrs,
        Item::Macro(it) => &it.attrs,
        Item::Mod(it) => &it.attrs,
        Item::Static(it) => &it.attrs,
        Item::Struct(it) => &it.attrs,
        Item::Trait(it) => &it.attrs,
        Item::TraitAlias(it) => &it.attrs,
        Item::Type(it) => &it.attrs,
        Item::Union(it) => &it.attrs,
        Item::Use(it) => &it.attrs,
        // Of what syn does not know it keeps tokens alone.
        _ => &[],
    }
}

fn needs_test(condition: &Meta) -> bool {
    let Meta::List(list) = condition else { return condition.path().is_ident("test") };
    let parser = syn::punctuated::Punctuated::<Meta, syn::Token![,]>::parse_terminated;
    let Ok(inner) = list.parse_args_with(parser) else { return false };

    if list.path.is_ident("all") {
        inner.iter().any(needs_test)
    } else {
        list.path.is_ident("any") && inner.iter().all(needs_test)
    }
}

struct Finder {
    found: Found,
    is_test: bool,
    depth: usize,
}

impl Finder {
    /// Visits what these attributes stand on, as a test if they say so.
    fn within(
        &mut self,
        attributes: &[Attribute],
        lines: RangeInclusive<usize>,
        visit: impl FnOnce(&mut Self),
    ) {
        let outside = self.is_test;
        if !outside && are_for_tests(attributes) {
            self.is_test = true;
            self.found.test_lines.push(lines);
        }

        visit(self);
        self.is_test = outside;
    }

    fn function(&mut self, attributes: &[Attribute], signature: &Signature, block: &Block) {
        let (first, last) = (signature.span().start().line, block.brace_token.span.close().end().line);
        let (open, close) = (block.brace_token.span.open().start().line, last);

        let is_handler = handlers::documents_a_route(attributes);
        self.found.functions.push(Function {
            name: signature.ident.to_string(),
            line: first,
            length: last - first + 1,
            body: open + 1..=close.saturating_sub(1),
            is_test: self.is_test,
            is_nested: self.depth > 0,
            handler_calls: is_handler.then(|| handlers::calls(block)),
        });
    }

    fn inside_function(&mut self, visit: impl FnOnce(&mut Self)) {
        self.depth += 1;
        visit(self);
        self.depth -= 1;
    }
}

fn lines_of(item: &impl syn::spanned::Spanned) -> RangeInclusive<usize> {
    let span = item.span();
    span.start().line..=span.end().line
}

impl<'ast> Visit<'ast> for Finder {
    fn visit_item(&mut self, item: &'ast Item) {
        self.within(attributes(item), lines_of(item), |finder| visit::visit_item(finder, item));
    }

    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.function(&function.attrs, &function.sig, &function.block);
        self.inside_function(|finder| visit::visit_item_fn(finder, function));
    }

    fn visit_impl_item_fn(&mut self, method: &'ast ImplItemFn) {
        self.within(&method.attrs, lines_of(method), |finder| {
            finder.function(&method.attrs, &method.sig, &method.block);
            finder.inside_function(|finder| visit::visit_impl_item_fn(finder, method));
        });
    }

    fn visit_trait_item_fn(&mut self, method: &'ast TraitItemFn) {
        self.within(&method.attrs, lines_of(method), |finder| {
            if let Some(block) = &method.default {
                finder.function(&method.attrs, &method.sig, block);
            }
            finder.inside_function(|finder| visit::visit_trait_item_fn(finder, method));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn found(source: &str) -> Found {
        find(&syn::parse_file(source).unwrap(), false)
    }

    #[test]
    fn a_function_is_measured_from_signature_to_brace() {
        let source = "/// Says.\n#[inline]\nfn f(\n    a: u8,\n) -> u8 {\n    a\n}\n";
        let found = found(source);
        let [function] = &found.functions[..] else { panic!("{found:?}") };

        assert_eq!((function.name.as_str(), function.line, function.length), ("f", 3, 5));
        assert_eq!(function.body, 6..=6);
    }

    #[test]
    fn methods_and_default_methods_are_functions_and_declarations_are_none() {
        let source = "impl A { fn m() {} }\ntrait T {\n    fn a();\n    fn b() {}\n}\n";
        let names: Vec<_> = found(source).functions.into_iter().map(|it| it.name).collect();
        assert_eq!(names, ["m", "b"]);
    }

    #[test]
    fn a_function_in_another_is_nested() {
        let found = found("fn outer() {\n    fn inner() {}\n}\n");
        let nested: Vec<_> = found.functions.iter().map(|it| it.is_nested).collect();
        assert_eq!(nested, [false, true]);
    }

    #[test]
    fn what_is_for_tests_is_set_apart() {
        let source = "fn a() {}\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn b() {}\n}\n#[tokio::test]\nasync fn c() {}\n";
        let found = found(source);

        let tests: Vec<_> = found.functions.iter().map(|it| (it.name.as_str(), it.is_test)).collect();
        assert_eq!(tests, [("a", false), ("b", true), ("c", true)]);
        assert_eq!(found.test_lines, [2..=6, 7..=8]);
    }

    #[test]
    fn whatever_kind_of_item_is_for_tests_is_set_apart() {
        for item in [
            "const A: u8 = 1;",
            "enum A {}",
            "extern crate a;",
            "fn a() {}",
            "extern \"C\" {}",
            "impl A {}",
            "a!();",
            "macro_rules! a { () => {} }",
            "mod a {}",
            "static A: u8 = 1;",
            "struct A;",
            "trait A {}",
            "trait A = B;",
            "type A = B;",
            "union A { a: u8 }",
            "use a;",
        ] {
            assert_eq!(found(&format!("#[cfg(test)]\n{item}\nfn f() {{}}\n")).test_lines, [1..=2], "{item}");
        }
    }

    #[test]
    fn a_condition_that_holds_without_tests_sets_nothing_apart() {
        let are_for_tests = |attribute: &str| {
            let item: ItemFn = syn::parse_str(&format!("{attribute} fn f() {{}}")).unwrap();
            are_for_tests(&item.attrs)
        };
        assert!(are_for_tests("#[cfg(test)]") && are_for_tests("#[cfg(all(test, unix))]"));
        assert!(!are_for_tests("#[cfg(not(test))]") && !are_for_tests("#[cfg(any(test, unix))]"));
        assert!(!are_for_tests("#[cfg_attr(test, inline)]"));
    }

    #[test]
    fn handlers_know_their_calls() {
        let found = found("#[utoipa::path(get)]\nasync fn f() { a().await; }\nfn g() {}\n");
        let calls: Vec<_> = found.functions.iter().map(|it| it.handler_calls).collect();
        assert_eq!(calls, [Some(1), None]);
    }
}
