//! Where a path leads: to the module that defines its name, through every import and re-export on the way. Pure.

use std::collections::BTreeSet;

use super::tree::{ModuleId, Name, Tree};

/// What a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    /// A module as a whole.
    Module(ModuleId),
    /// An item that this module defines.
    Item(ModuleId),
}

/// Names in different namespaces may be equal, so a path may have several targets. A path into another crate has none.
type Targets = BTreeSet<Target>;

impl Tree {
    /// The targets of a path in the code of a module.
    pub(super) fn resolve(&self, from: ModuleId, path: &[String]) -> Targets {
        self.walk(from, path, &mut Vec::new())
    }

    fn walk(&self, from: ModuleId, path: &[String], open: &mut Vec<(ModuleId, String)>) -> Targets {
        let mut targets: Targets = match path.first().map(String::as_str) {
            None | Some("Self") => return Targets::new(),
            Some("crate") => [Target::Module(self.root(from))].into(),
            Some("self") => [Target::Module(from)].into(),
            Some("super") => self.parent(from),
            Some(name) => match self.look_up(from, name, open) {
                Some(targets) => targets,
                None => self.library(name),
            },
        };
        for segment in &path[1..] {
            // A function or a constant with the name of a module is not part of a path.
            if targets.iter().any(|target| matches!(target, Target::Module(_))) {
                targets.retain(|target| matches!(target, Target::Module(_)));
            }
            targets = targets
                .into_iter()
                .flat_map(|target| match target {
                    // What follows an item is a variant or an associated item of it.
                    Target::Item(_) => [target].into(),
                    Target::Module(module) if segment == "super" => self.parent(module),
                    Target::Module(module) if segment == "self" => [Target::Module(module)].into(),
                    // A macro may define the name.
                    Target::Module(module) => {
                        self.look_up(module, segment, open).unwrap_or_else(|| [Target::Item(module)].into())
                    }
                })
                .collect();
        }
        targets
    }

    /// What a name stands for in a module. `None` where the module does not have it.
    fn look_up(&self, module: ModuleId, name: &str, open: &mut Vec<(ModuleId, String)>) -> Option<Targets> {
        let key = (module, name.to_owned());
        // The import of a name may lead through another thing of the same name, but not through itself.
        let again = open.contains(&key);
        let Some(names) = self.modules[module].names.get(name) else {
            return if again { None } else { self.look_up_in_globs(module, name, open, key) };
        };
        let mut targets = Targets::new();
        for name in names {
            match name {
                Name::Module(child) => targets.extend([Target::Module(*child)]),
                Name::Item => targets.extend([Target::Item(module)]),
                Name::Import(path) | Name::ReExport(path) if !again => {
                    open.push(key.clone());
                    targets.extend(self.walk(module, path, open));
                    open.pop();
                }
                Name::Import(_) | Name::ReExport(_) => {}
            }
        }
        Some(targets)
    }

    fn look_up_in_globs(
        &self,
        module: ModuleId,
        name: &str,
        open: &mut Vec<(ModuleId, String)>,
        key: (ModuleId, String),
    ) -> Option<Targets> {
        open.push(key);
        let found = self.modules[module].globs.iter().find_map(|path| {
            let mut sources = self.walk(module, path, open).into_iter();
            sources.find_map(|source| match source {
                Target::Module(source) => self.look_up(source, name, open),
                Target::Item(_) => None,
            })
        });
        open.pop();
        found
    }

    fn parent(&self, module: ModuleId) -> Targets {
        self.modules[module].parent.map(Target::Module).into_iter().collect()
    }

    fn library(&self, name: &str) -> Targets {
        let library = self.library.iter().filter(|(library, _)| library == name);
        library.map(|(_, root)| Target::Module(*root)).collect()
    }
}
