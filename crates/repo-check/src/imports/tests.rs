//! Planted circles that must be found, and near misses that must not.

use super::{ImportError, Sources, circles};

/// The circles of planted files, as text.
fn found(files: &[(&str, &str)]) -> Vec<String> {
    let circles = circles("planted", &Sources::planted(files.iter().copied())).unwrap();
    circles.iter().map(ToString::to_string).collect()
}

/// The files of the one circle.
fn circle(files: &[(&str, &str)]) -> Vec<String> {
    let circles = circles("planted", &Sources::planted(files.iter().copied())).unwrap();
    let [circle] = &circles[..] else { panic!("{circles:?}") };
    circle.files.clone()
}

#[test]
fn a_circle_is_found_and_its_lines_are_named() {
    let text = found(&[
        ("lib.rs", "mod a;\nmod b;\nmod c;\n"),
        ("a.rs", "use crate::b::B;\npub struct A(B);\n"),
        ("b.rs", "pub struct B;\npub fn f() {\n    crate::c::f();\n}\n"),
        ("c.rs", "use super::a::{self, A};\npub fn f() -> A {\n    a::A\n}\n"),
    ]);
    assert_eq!(
        text,
        ["circle of 3 files: a.rs, b.rs, c.rs\n  \
          a.rs imports b.rs: line 1 `crate::b::B`\n  \
          b.rs imports c.rs: line 3 `crate::c::f`\n  \
          c.rs imports a.rs: line 1 `super::a::A`, line 3 `a::A`\n"]
    );
}

#[test]
fn two_circles_are_two() {
    let text = found(&[
        ("lib.rs", "mod a; mod b; mod c; mod d;"),
        ("a.rs", "use crate::b::B; pub struct A;"),
        ("b.rs", "use crate::a::A; pub struct B;"),
        ("c.rs", "use crate::a::A; use crate::d::D; pub struct C;"),
        ("d.rs", "use crate::c::C; pub struct D;"),
    ]);
    assert_eq!(text.len(), 2, "{text:?}");
}

#[test]
fn a_parents_own_mod_and_pub_use_lines_do_not_count() {
    let child = ("a/b.rs", "use super::A; pub struct B(A); pub mod deep { pub struct Deep; }");
    for parent in ["pub use b::B;", "pub(crate) use self::b::B;", "pub use b::deep::Deep;", "pub use b::*;"] {
        let parent = format!("mod b; {parent} pub struct A;");
        assert_eq!(found(&[("lib.rs", "mod a;"), ("a.rs", &parent), child]), [""; 0], "{parent}");
        // The `mod` line may follow.
        let parent = format!("{} mod b;", parent.trim_start_matches("mod b;"));
        assert_eq!(found(&[("lib.rs", "mod a;"), ("a.rs", &parent), child]), [""; 0], "{parent}");
    }
}

#[test]
fn every_other_import_between_parent_and_child_counts() {
    let child = ("a/b.rs", "use super::A; pub struct B(A); pub fn f() {}");
    for parent in [
        "use b::B;",
        "fn g() { b::f() }",
        "fn g() { self::b::f() }",
        "fn g(of: b::B) {}",
        "fn g() { use b::f; }",
        "fn g() { print!(\"{}\", b::f()); }",
        "#[derive(x)] struct G { #[x(with = \"b::f\")] y: u8 }",
        // What is handed on is used as well.
        "pub use b::B; fn g(of: B) {}",
        "pub use b::f; fn g() { f() }",
        // Another's child is handed on.
        "pub use super::a::b::B;",
    ] {
        let parent = format!("mod b; {parent} pub struct A;");
        assert_eq!(circle(&[("lib.rs", "mod a;"), ("a.rs", &parent), child]), ["a.rs", "a/b.rs"], "{parent}");
    }
    assert_eq!(
        circle(&[("lib.rs", "mod a; fn f() { a::f() }"), ("a.rs", "use crate::g;")]),
        ["a.rs", "lib.rs"]
    );
}

#[test]
fn test_code_does_not_count() {
    let a = ("a.rs", "use crate::b::B; pub struct A;");
    for b in [
        "pub struct B; #[cfg(test)] mod tests { use crate::a::A; }",
        "pub struct B; #[cfg(test)] use crate::a::A;",
        "pub struct B; #[cfg(all(test, unix))] fn f() { crate::a::A; }",
        "pub struct B; #[test] fn f() { crate::a::A; }",
        "pub struct B; #[tokio::test(x = 1)] fn f() { crate::a::A; }",
        "pub struct B; impl B { #[cfg(test)] fn f() -> crate::a::A {} }",
        "pub struct B { #[cfg(test)] a: crate::a::A }",
        "pub struct B; fn f() { #[cfg(test)] let a = crate::a::A; }",
    ] {
        assert_eq!(found(&[("lib.rs", "mod a; mod b;"), a, ("b.rs", b)]), [""; 0], "{b}");
    }
    let files = [
        ("lib.rs", "mod a; mod b;"),
        a,
        ("b.rs", "pub struct B; #[cfg(test)] mod tests;"),
        ("b/tests.rs", "mod more; use crate::a::A;"),
        ("b/tests/more.rs", "use crate::a::A;"),
    ];
    assert_eq!(found(&files), [""; 0]);
    for b in ["#[cfg(not(test))] use crate::a::A;", "#[cfg(any(test, unix))] use crate::a::A;"] {
        let b = format!("pub struct B; {b}");
        assert_eq!(circle(&[("lib.rs", "mod a; mod b;"), a, ("b.rs", &b)]), ["a.rs", "b.rs"], "{b}");
    }
}

/// `child.rs` imports `super::Foo`, and the parent uses the child. A circle only where the parent itself defines `Foo`.
#[test]
fn a_name_is_followed_to_the_file_that_defines_it() {
    let files = |parent: &'static str, import: &'static str| {
        [
            ("lib.rs", "pub mod a; pub use std::fmt;"),
            ("a.rs", parent),
            ("a/child.rs", import),
            (
                "a/sibling.rs",
                "pub use super::far::Foo as Bar; pub struct Foo; pub fn f() {} pub fn sibling() {}",
            ),
            ("a/far.rs", "pub struct Foo; pub fn sibling() {}"),
        ]
    };
    let uses = "mod child; mod far; mod sibling; fn g() { child::f() }";
    for (names, import) in [
        ("pub use sibling::Foo;", "use super::Foo;"),
        ("pub(crate) use sibling::{f, Foo};", "use crate::a::{Foo, f as g};"),
        ("use sibling::Foo;", "use super::Foo;"),
        ("pub use sibling::Bar;", "use super::Bar;"),
        ("pub use sibling::*;", "use super::Foo;"),
        ("pub use sibling as other;", "use super::other::Foo;"),
        ("pub use sibling::{self as other};", "use super::other; fn h() { other::f() }"),
        ("", "use super::sibling;"),
        ("use std::fmt;", "use super::fmt::Display;"),
        ("", "use super::super::fmt;"),
        // A module and a function of one name.
        ("use crate::a::sibling::sibling;", "use super::sibling::Foo;"),
        ("pub use far::sibling;", "use crate::a::sibling::Foo;"),
    ] {
        let parent = format!("{uses} {names}").leak();
        let import = format!("{import} pub fn f() {{}}").leak();
        assert_eq!(found(&files(parent, import)), [""; 0], "{parent}: {import}");
    }
    for (names, import) in [
        ("pub struct Foo;", "use super::Foo;"),
        ("pub enum Foo { Bar }", "fn h() { super::Foo::Bar; }"),
        ("make! { pub struct Foo; }", "use crate::a::Foo;"),
        ("mod inline { pub struct Foo; } pub use inline::Foo;", "use super::Foo;"),
        ("pub fn foo() {}", "use crate::a; fn h() { a::foo() }"),
        ("pub fn foo() {}", "use super::*;"),
        ("pub fn foo() {}", "use super as up; fn h() { up::foo() }"),
        ("pub struct Foo;", "mod inner { use super::super::Foo; }"),
    ] {
        let parent = format!("{uses} {names}").leak();
        let import = format!("{import} pub fn f() {{}}").leak();
        assert_eq!(circle(&files(parent, import)), ["a.rs", "a/child.rs"], "{parent}: {import}");
    }
}

#[test]
fn names_that_only_look_like_imports_do_not_count() {
    let a = ("a.rs", "use crate::b::B; pub struct A;");
    for b in [
        "fn f() { let crate_a = 1; std::a::A; }",
        "/// [`crate::a::A`]\nfn f() {}",
        "fn f() { print!(\"crate::a::A is not used\"); }",
        "fn f() { ::a::A; Self::a; }",
        "macro_rules! m { ($a:path) => { $a::A } }",
    ] {
        let b = format!("pub struct B; {b}");
        assert_eq!(found(&[("lib.rs", "mod a; mod b;"), a, ("b.rs", &b)]), [""; 0], "{b}");
    }
    // A variable with the name of what is handed on.
    let files = [
        ("lib.rs", "mod a;"),
        ("a.rs", "mod b; pub use b::plan; pub struct A; fn f(plan: u8) { g(plan) }"),
        ("a/b.rs", "use super::A; pub fn plan() {}"),
    ];
    assert_eq!(found(&files), [""; 0]);
    let b = ("b.rs", "pub struct B; macro_rules! m { () => { $crate::a::A } }");
    assert_eq!(circle(&[("lib.rs", "mod a; mod b;"), a, b]), ["a.rs", "b.rs"]);
}

#[test]
fn a_binary_sees_the_library_by_its_name() {
    let files = [
        ("lib.rs", "pub mod a;"),
        ("a.rs", "pub struct A;"),
        ("main.rs", "mod only; use planted::a::A; fn main() {}"),
        ("only.rs", "use crate::main;"),
        ("bin/second.rs", "use planted::a::A;"),
    ];
    assert_eq!(found(&files), [""; 0]);
}

#[test]
fn what_cannot_be_read_is_an_error() {
    let error = |files: &[(&str, &str)]| -> String {
        let error: ImportError = circles("planted", &Sources::planted(files.iter().copied())).unwrap_err();
        error.to_string()
    };
    assert_eq!(error(&[("lib.rs", "mod a;"), ("a.rs", "fn f() {}\nfn {}")]), "a.rs:2: expected identifier");
    assert_eq!(error(&[("lib.rs", "mod a;")]), "lib.rs: no file for `mod a;`");
    assert_eq!(error(&[("lib.rs", ""), ("a.rs", "")]), "no `mod` line leads to a.rs");
}
