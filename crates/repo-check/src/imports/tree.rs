//! A crate as a tree of modules: what each defines, imports and refers to. Data only.

use std::collections::{BTreeMap, BTreeSet};

/// Index of a module in its tree.
pub(super) type ModuleId = usize;

/// The modules of a crate. Each binary of it has a root of its own.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) modules: Vec<Module>,
    /// The library by the crate's name, as its binaries call it.
    pub(super) library: Option<(String, ModuleId)>,
}

/// One module. Inline modules share the file of the module around them.
#[derive(Debug)]
pub(super) struct Module {
    pub(super) file: String,
    pub(super) parent: Option<ModuleId>,
    pub(super) names: BTreeMap<String, Vec<Name>>,
    /// Paths that are imported as `path::*`.
    pub(super) globs: Vec<Vec<String>>,
    pub(super) references: Vec<Reference>,
    /// Names that patterns bind. A path of one such name is most likely the variable.
    pub(super) variables: BTreeSet<String>,
}

/// What a name of a module stands for.
#[derive(Debug)]
pub(super) enum Name {
    /// A child module.
    Module(ModuleId),
    /// An item that the module defines.
    Item,
    /// A name that the module imports by this path.
    Import(Vec<String>),
    /// A name that the module imports from one of its children and hands on.
    ReExport(Vec<String>),
}

/// A path in the code of a module, segment by segment.
#[derive(Debug)]
pub(super) struct Reference {
    pub(super) path: Vec<String>,
    pub(super) line: usize,
}

impl Tree {
    /// The root of the tree that a module belongs to.
    pub(super) fn root(&self, module: ModuleId) -> ModuleId {
        self.modules[module].parent.map_or(module, |parent| self.root(parent))
    }
}
