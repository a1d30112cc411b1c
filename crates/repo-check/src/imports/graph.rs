//! The references between files as a graph, and its circles. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use petgraph::algo::tarjan_scc;
use petgraph::graph::DiGraph;

use super::resolve::Target;
use super::tree::{ModuleId, Name, Reference, Tree};

/// Files each of which leads to each other.
#[derive(Debug)]
pub struct Circle {
    /// The files, sorted.
    pub files: Vec<String>,
    /// The references among them.
    links: Vec<Link>,
}

/// The references of one file to another.
#[derive(Debug)]
struct Link {
    from: String,
    to: String,
    /// Line and path of each.
    references: BTreeSet<(usize, String)>,
}

impl fmt::Display for Circle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "circle of {} files: {}", self.files.len(), self.files.join(", "))?;
        for Link { from, to, references } in &self.links {
            let lines = references.iter().map(|(line, path)| format!("line {line} `{path}`"));
            writeln!(f, "  {from} imports {to}: {}", lines.collect::<Vec<_>>().join(", "))?;
        }
        Ok(())
    }
}

pub(super) fn circles(tree: &Tree) -> Vec<Circle> {
    let links = links(tree);
    let mut graph = DiGraph::new();
    let files: BTreeSet<&str> = links.keys().flat_map(|(from, to)| [*from, *to]).collect();
    let nodes: BTreeMap<&str, _> = files.into_iter().map(|file| (file, graph.add_node(file))).collect();
    for (from, to) in links.keys() {
        graph.add_edge(nodes[from], nodes[to], ());
    }
    let mut circles: Vec<Circle> = tarjan_scc(&graph)
        .into_iter()
        .filter(|component| component.len() > 1)
        .map(|component| {
            let files: BTreeSet<&str> = component.into_iter().map(|node| graph[node]).collect();
            let inner = links.iter().filter(|((from, to), _)| files.contains(from) && files.contains(to));
            let links = inner.map(|((from, to), references)| Link {
                from: (*from).to_owned(),
                to: (*to).to_owned(),
                references: references.clone(),
            });
            let links = links.collect();
            Circle { files: files.into_iter().map(str::to_owned).collect(), links }
        })
        .collect();
    circles.sort_by_key(|circle| (std::cmp::Reverse(circle.files.len()), circle.files.clone()));
    circles
}

/// By importing and imported file, the lines and paths that do it.
type Links<'a> = BTreeMap<(&'a str, &'a str), BTreeSet<(usize, String)>>;

fn links(tree: &Tree) -> Links<'_> {
    let mut links = Links::new();
    for (id, module) in tree.modules.iter().enumerate() {
        for reference in &module.references {
            for to in files(tree, id, reference) {
                if to != module.file {
                    let found = links.entry((&module.file, to)).or_default();
                    found.insert((reference.line, reference.path.join("::")));
                }
            }
        }
    }
    links
}

/// The files that a reference depends on.
fn files<'a>(tree: &'a Tree, module: ModuleId, reference: &Reference) -> Vec<&'a str> {
    let path = &reference.path;
    if let [name] = &path[..]
        && !is_re_export(tree, module, name)
    {
        // The module's own, or imported, and then the import counts.
        return Vec::new();
    }
    let (path, whole) = match path.split_last() {
        Some((last, path)) if last == "*" => (path, true),
        _ => (&path[..], false),
    };
    let targets = tree.resolve(module, path).into_iter();
    let defining = targets.filter_map(|target| match target {
        Target::Item(module) => Some(module),
        // A module's name is only a way to other names, and these count.
        Target::Module(module) => whole.then_some(module),
    });
    defining.map(|module| tree.modules[module].file.as_str()).collect()
}

/// The line of a re-export does not count, so what the module's own code does with the name has to.
fn is_re_export(tree: &Tree, module: ModuleId, name: &str) -> bool {
    let module = &tree.modules[module];
    let mut names = module.names.get(name).into_iter().flatten();
    names.any(|name| matches!(name, Name::ReExport(_))) && !module.variables.contains(name)
}
