//! Paths in text that only a macro understands: the arguments of macros and attributes. Pure.

use proc_macro2::{Spacing, TokenStream, TokenTree};

use super::tree::Reference;

/// Every `a::b::c` among the tokens, and every single name that starts with a capital.
pub(super) fn paths(tokens: TokenStream, found: &mut Vec<Reference>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Group(group) => paths(group.stream(), found),
            TokenTree::Literal(literal) => {
                let text = literal.to_string();
                let path: Vec<String> = text.trim_matches('"').split("::").map(str::to_owned).collect();
                let is_name = |name: &String| !name.is_empty() && name.chars().all(is_part_of_a_name);
                if path.len() > 1 && path.iter().all(is_name) {
                    found.push(Reference { path, line: literal.span().start().line });
                }
            }
            TokenTree::Ident(first) => {
                let mut path = vec![first.to_string()];
                while let Some(TokenTree::Ident(next)) = tokens.get(at + 3)
                    && is_double_colon(&tokens[at + 1..at + 3])
                {
                    path.push(next.to_string());
                    at += 3;
                }
                // The name of a macro's variable is no path, except for `$crate`.
                let fragment =
                    is_dollar(at.checked_sub(3 * (path.len() - 1) + 1).and_then(|at| tokens.get(at)));
                let named = path.len() > 1 || path[0].starts_with(char::is_uppercase);
                if named && (!fragment || path[0] == "crate") {
                    found.push(Reference { path, line: first.span().start().line });
                }
            }
            TokenTree::Punct(_) => {}
        }
        at += 1;
    }
}

fn is_part_of_a_name(letter: char) -> bool {
    letter == '_' || letter.is_ascii_alphanumeric()
}

fn is_double_colon(tokens: &[TokenTree]) -> bool {
    matches!(tokens, [TokenTree::Punct(first), TokenTree::Punct(second)]
        if first.as_char() == ':' && first.spacing() == Spacing::Joint && second.as_char() == ':')
}

fn is_dollar(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == '$')
}
