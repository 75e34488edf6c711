//! How many calls an HTTP handler makes, beside decoding its request and encoding its answer.
//!
//! A handler is a function with `#[utoipa::path]`. Its calls are the expressions in its body that are awaited, except:
//!
//! - **decoding**: an associated function of a type, as in `PageRequest::take(…).await`, which makes a value of the request;
//! - **encoding**: a method of a variable that such a call filled, as in `request.page(…).await`.
//!
//! What the extractors in its signature do is not seen. The rule goes by the form alone, so that nobody has to judge.

use std::collections::BTreeSet;

use syn::{
    Attribute, Block, Expr, ExprAwait, Ident, Local, Pat, PatIdent,
    visit::{self, Visit},
};

/// True if these attributes make a function a handler.
pub(crate) fn documents_a_route(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let segments: Vec<_> = attribute.path().segments.iter().map(|it| it.ident.to_string()).collect();
        segments == ["utoipa", "path"]
    })
}

/// The calls of a handler with this body.
pub(crate) fn calls(body: &Block) -> usize {
    let mut counter = Counter::default();
    counter.visit_block(body);
    counter.calls
}

#[derive(Default)]
struct Counter {
    calls: usize,
    decoded: BTreeSet<Ident>,
}

impl<'ast> Visit<'ast> for Counter {
    fn visit_expr_await(&mut self, awaited: &'ast ExprAwait) {
        if !decodes(&awaited.base) && !self.encodes(&awaited.base) {
            self.calls += 1;
        }
        visit::visit_expr_await(self, awaited);
    }

    fn visit_local(&mut self, local: &'ast Local) {
        visit::visit_local(self, local);

        if local.init.as_ref().is_some_and(|init| is_decoding(&init.expr)) {
            self.decoded.extend(names(&local.pat));
        }
    }
}

impl Counter {
    fn encodes(&self, expression: &Expr) -> bool {
        let Expr::MethodCall(call) = expression else { return false };
        let Expr::Path(receiver) = &*call.receiver else { return false };
        receiver.path.get_ident().is_some_and(|name| self.decoded.contains(name))
    }
}

/// `Type::name(…)`: types begin with a capital letter, modules do not.
fn decodes(expression: &Expr) -> bool {
    let Expr::Call(call) = expression else { return false };
    let Expr::Path(function) = &*call.func else { return false };
    let owner = function.path.segments.iter().rev().nth(1);
    owner.is_some_and(|owner| owner.ident.to_string().starts_with(char::is_uppercase))
}

/// A decoding call, awaited, with or without `?` behind it.
fn is_decoding(expression: &Expr) -> bool {
    match expression {
        Expr::Try(attempt) => is_decoding(&attempt.expr),
        Expr::Await(awaited) => decodes(&awaited.base),
        _ => false,
    }
}

fn names(pattern: &Pat) -> Vec<Ident> {
    struct Names(Vec<Ident>);

    impl<'ast> Visit<'ast> for Names {
        fn visit_pat_ident(&mut self, found: &'ast PatIdent) {
            self.0.push(found.ident.clone());
            visit::visit_pat_ident(self, found);
        }
    }

    let mut names = Names(Vec::new());
    names.visit_pat(pattern);
    names.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn calls_of(body: &str) -> usize {
        calls(&syn::parse_str(body).unwrap())
    }

    #[test]
    fn every_awaited_call_counts() {
        assert_eq!(calls_of("{ Ok(Json(catalogue())) }"), 0);
        assert_eq!(calls_of("{ api.registry.endpoint(id).await?; }"), 1);
        assert_eq!(calls_of("{ let a = find(&api).await?; if a { api.bus.publish(&a).await?; } }"), 2);
        assert_eq!(calls_of("{ outer(inner().await?).await }"), 2);
    }

    #[test]
    fn decoding_and_encoding_do_not_count() {
        let listing = "{
            let request = PageRequest::take(&mut parameters, &api).await?;
            let found = api.registry.list(request.look_ahead()).await?;
            let (found, end) = request.page(&api, found).await?;
        }";
        assert_eq!(calls_of(listing), 1);
        assert_eq!(calls_of("{ let choices = creation::Choices::read(fields).await?; }"), 0);
        assert_eq!(calls_of("{ let made = creation::create(choices).await?; }"), 1, "a module's function");
    }

    #[test]
    fn a_method_of_what_a_call_returned_counts() {
        assert_eq!(calls_of("{ let it = find().await?; it.page().await }"), 2);
    }

    #[test]
    fn only_utoipa_s_attribute_makes_a_handler() {
        let handler: syn::ItemFn = syn::parse_str("#[utoipa::path(get)] async fn f() {}").unwrap();
        assert!(documents_a_route(&handler.attrs));

        let other: syn::ItemFn = syn::parse_str("#[path] #[doc = \"utoipa::path\"] fn f() {}").unwrap();
        assert!(!documents_a_route(&other.attrs));
    }
}
