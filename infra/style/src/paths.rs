//! The paths that stand in code, as `crate::a::b`.

use proc_macro2::{Spacing, TokenStream, TokenTree};

/// Collects the paths of two segments or more that stand anywhere in `tokens`, a macro's arguments included.
pub(crate) fn collect(tokens: TokenStream, paths: &mut Vec<Vec<String>>) {
    let mut path = Vec::new();
    let mut colons = 0;
    for token in tokens {
        match token {
            TokenTree::Ident(name) if colons == 2 && !path.is_empty() => path.push(name.to_string()),
            // A path that begins with :: names another crate.
            TokenTree::Ident(name) => {
                take(&mut path, paths);
                path.extend((colons != 2).then(|| name.to_string()));
            }
            TokenTree::Punct(mark) if mark.as_char() == ':' => {
                let goes_on = colons == 1 || mark.spacing() == Spacing::Joint;
                colons = if goes_on { colons + 1 } else { 0 };
                if !goes_on {
                    take(&mut path, paths);
                }
                continue;
            }
            TokenTree::Group(group) => {
                take(&mut path, paths);
                collect(group.stream(), paths);
            }
            _ => take(&mut path, paths),
        }
        colons = 0;
    }
    take(&mut path, paths);
}

fn take(path: &mut Vec<String>, paths: &mut Vec<Vec<String>>) {
    let taken = std::mem::take(path);
    if taken.len() > 1 {
        paths.push(taken);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn paths_in(code: &str) -> Vec<String> {
        let mut paths = Vec::new();
        collect(code.parse().unwrap(), &mut paths);
        paths.iter().map(|path| path.join("::")).collect()
    }

    #[test]
    fn paths_are_found_wherever_they_stand() {
        assert_eq!(paths_in("a::b(c::d::e, [super::f::<g::h>()])"), ["a::b", "c::d::e", "super::f", "g::h"]);
        assert_eq!(paths_in("let x: y::Z = m!(crate::n);"), ["y::Z", "crate::n"]);
        assert_eq!(paths_in("a.b(c); d: e"), [""; 0], "one name is no path");
    }

    #[test]
    fn a_path_of_another_crate_is_left_out() {
        assert_eq!(paths_in("fn f(x: ::a::B) { ::c::d() }"), [""; 0]);
    }
}
