//! Reads a crate's files into a tree of modules, without its test code. Pure: it is handed the texts.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::TokenStream;
use syn::visit::{self, Visit};
use syn::{Attribute, Ident, Item, ItemMod, ItemUse, UseTree, Visibility};

use super::attributes::{head, is_test};
use super::error::ImportError;
use super::tokens;
use super::tree::{Module, ModuleId, Name, Reference, Tree};

/// Reads the library and every binary of a crate.
pub(super) fn read(name: &str, texts: &BTreeMap<String, String>) -> Result<Tree, ImportError> {
    let mut reader = Reader {
        texts,
        tree: Tree::default(),
        module: 0,
        folder: String::new(),
        read: BTreeSet::new(),
        tests: Vec::new(),
        error: None,
    };
    for path in texts.keys() {
        let binary = path.strip_prefix("bin/").is_some_and(|file| {
            !file.contains('/') || file.ends_with("/main.rs") && file.matches('/').count() == 1
        });
        if path == "lib.rs" || path == "main.rs" || binary {
            let root = reader.module_of(path, None);
            if path == "lib.rs" {
                reader.tree.library = Some((name.to_owned(), root));
            }
            let folder = path.rsplit_once('/').map(|(folder, _)| format!("{folder}/"));
            reader.file(path, root, folder.unwrap_or_default());
        }
    }
    if let Some(error) = reader.error {
        return Err(error);
    }
    let unreached = texts.keys().filter(|path| {
        !reader.read.contains(*path) && !reader.tests.iter().any(|tests| is_below(path, tests))
    });
    let unreached: Vec<String> = unreached.cloned().collect();
    if unreached.is_empty() { Ok(reader.tree) } else { Err(ImportError::Unreached(unreached)) }
}

/// Is this the file of a module, or of one below it? `module` is its path without the extension.
fn is_below(path: &str, module: &str) -> bool {
    path.strip_prefix(module).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

struct Reader<'a> {
    texts: &'a BTreeMap<String, String>,
    tree: Tree,
    /// The module whose code is being read.
    module: ModuleId,
    /// Where the files of its children are.
    folder: String,
    read: BTreeSet<String>,
    /// Modules of test code, as paths without the extension.
    tests: Vec<String>,
    error: Option<ImportError>,
}

impl Reader<'_> {
    fn module_of(&mut self, file: &str, parent: Option<ModuleId>) -> ModuleId {
        let (names, globs, references, variables) = Default::default();
        self.tree.modules.push(Module { file: file.to_owned(), parent, names, globs, references, variables });
        self.tree.modules.len() - 1
    }

    fn file(&mut self, path: &str, module: ModuleId, folder: String) {
        self.read.insert(path.to_owned());
        match syn::parse_file(&self.texts[path]) {
            Ok(file) => self.within(module, folder, |reader| visit::visit_file(reader, &file)),
            Err(cause) => {
                let (line, cause) = (cause.span().start().line, cause.to_string());
                self.error.get_or_insert(ImportError::Syntax { file: path.to_owned(), line, cause });
            }
        }
    }

    fn within(&mut self, module: ModuleId, folder: String, read: impl FnOnce(&mut Self)) {
        let around = (self.module, std::mem::replace(&mut self.folder, folder));
        self.module = module;
        read(self);
        (self.module, self.folder) = around;
    }

    fn child(&mut self, item: &ItemMod) {
        let name = item.ident.to_string();
        let stem = format!("{}{name}", self.folder);
        let file = match &item.content {
            Some(_) => Some(self.tree.modules[self.module].file.clone()),
            None => [format!("{stem}.rs"), format!("{stem}/mod.rs")]
                .into_iter()
                .find(|path| self.texts.contains_key(path)),
        };
        let Some(file) = file else {
            let file = self.tree.modules[self.module].file.clone();
            self.error.get_or_insert(ImportError::NoFile { file, module: name });
            return;
        };
        let module = self.module_of(&file, Some(self.module));
        self.name(&item.ident, Name::Module(module));
        match &item.content {
            Some((_, items)) => self.within(module, format!("{stem}/"), |reader| {
                items.iter().for_each(|item| reader.visit_item(item));
            }),
            None => self.file(&file, module, format!("{stem}/")),
        }
    }

    fn name(&mut self, ident: &Ident, name: Name) {
        self.tree.modules[self.module].names.entry(ident.to_string()).or_default().push(name);
    }

    /// `handed_on` where the item is a `pub use`.
    fn import(&mut self, tree: &UseTree, path: &mut Vec<String>, handed_on: bool) {
        let (ident, alias) = match tree {
            UseTree::Path(below) => {
                path.push(below.ident.to_string());
                self.import(&below.tree, path, handed_on);
                path.pop();
                return;
            }
            UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.import(tree, path, handed_on));
                return;
            }
            UseTree::Glob(glob) => {
                let line = glob.star_token.spans[0].start().line;
                return self.glob(path.clone(), line, handed_on);
            }
            UseTree::Name(name) => (&name.ident, &name.ident),
            UseTree::Rename(rename) => (&rename.ident, &rename.rename),
        };
        let mut full = path.clone();
        // `a::{self}` is `a`, and its last segment is the name.
        let alias = match (ident == "self", path.last()) {
            (true, Some(last)) if alias == "self" => Ident::new(last, alias.span()),
            _ => alias.clone(),
        };
        if ident != "self" {
            full.push(ident.to_string());
        }
        if handed_on && self.is_own(&full) {
            self.name(&alias, Name::ReExport(full));
        } else {
            self.name(&alias, Name::Import(full.clone()));
            self.refer(full, ident.span().start().line);
        }
    }

    fn glob(&mut self, path: Vec<String>, line: usize, handed_on: bool) {
        self.tree.modules[self.module].globs.push(path.clone());
        if !handed_on || !self.is_own(&path) {
            self.refer([path, vec!["*".to_owned()]].concat(), line);
        }
    }

    /// Does this path start at a child of the module? Its `mod` line may still follow.
    fn is_own(&self, path: &[String]) -> bool {
        let first = path.iter().find(|segment| *segment != "self");
        first.is_some_and(|first| {
            let stem = format!("{}{first}", self.folder);
            let names = self.tree.modules[self.module].names.get(first);
            self.texts.keys().any(|path| is_below(path, &stem))
                || names.into_iter().flatten().any(|name| matches!(name, Name::Module(_)))
        })
    }

    fn refer(&mut self, path: Vec<String>, line: usize) {
        self.tree.modules[self.module].references.push(Reference { path, line });
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let (attributes, ident) = head(item);
        let is_test = is_test(attributes);
        match item {
            Item::Mod(item) if is_test => self.tests.push(format!("{}{}", self.folder, item.ident)),
            _ if is_test => {}
            Item::Mod(item) => self.child(item),
            Item::Use(ItemUse { vis, tree, .. }) => {
                self.import(tree, &mut Vec::new(), !matches!(vis, Visibility::Inherited));
            }
            _ => {
                ident.into_iter().for_each(|ident| self.name(ident, Name::Item));
                visit::visit_item(self, item);
            }
        }
    }

    fn visit_impl_item(&mut self, item: &'ast syn::ImplItem) {
        let attributes: &[Attribute] = match item {
            syn::ImplItem::Const(item) => &item.attrs,
            syn::ImplItem::Fn(item) => &item.attrs,
            syn::ImplItem::Type(item) => &item.attrs,
            _ => &[],
        };
        if !is_test(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        if !is_test(&field.attrs) {
            visit::visit_field(self, field);
        }
    }

    fn visit_variant(&mut self, variant: &'ast syn::Variant) {
        if !is_test(&variant.attrs) {
            visit::visit_variant(self, variant);
        }
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        if !is_test(&arm.attrs) {
            visit::visit_arm(self, arm);
        }
    }

    fn visit_local(&mut self, local: &'ast syn::Local) {
        if !is_test(&local.attrs) {
            visit::visit_local(self, local);
        }
    }

    fn visit_pat_ident(&mut self, pattern: &'ast syn::PatIdent) {
        self.tree.modules[self.module].variables.insert(pattern.ident.to_string());
        visit::visit_pat_ident(self, pattern);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none()
            && let Some(first) = path.segments.first()
        {
            let names = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.refer(names, first.ident.span().start().line);
        }
        visit::visit_path(self, path);
    }

    fn visit_token_stream(&mut self, tokens: &'ast TokenStream) {
        tokens::paths(tokens.clone(), &mut self.tree.modules[self.module].references);
    }
}
