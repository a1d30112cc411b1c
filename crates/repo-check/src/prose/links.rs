//! Links between pages, and from pages to files of the repository. Links out of it are not followed. Pure.

use std::collections::BTreeSet;

use super::Problem;
use super::page::Page;

/// Relative links that lead nowhere. `files` are the files of the repository, by path.
pub fn dead_links(pages: &[Page], files: &BTreeSet<String>) -> Vec<Problem> {
    let is_there = |path: &str| {
        let folder = format!("{path}/");
        path.is_empty()
            || files.contains(path)
            || files.range(folder.clone()..).next().is_some_and(|file| file.starts_with(&folder))
    };
    let dead = |page: &Page, link: &str| -> Option<String> {
        let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
        let path = if file.is_empty() { Some(page.path.clone()) } else { relative(&page.path, file) };
        let Some(path) = path.filter(|path| is_there(path)) else {
            return Some(format!("no such file: {file}"));
        };
        let target = pages.iter().find(|page| page.path == path);
        let known = anchor.is_empty() || target.is_none_or(|target| target.anchors.contains(anchor));
        (!known).then(|| format!("no heading `#{anchor}` in {path}"))
    };
    let of_page = |page: &Page| -> Vec<Problem> {
        let links = page.links.iter().filter(|link| !is_outside(&link.it));
        links.filter_map(|link| Some(page.problem(link.line, dead(page, &link.it)?))).collect()
    };
    pages.iter().flat_map(of_page).collect()
}

/// Pages of a folder that its index does not link to. The index is the folder's `README.md`.
pub fn unlisted(folder: &str, pages: &[Page]) -> Vec<Problem> {
    let index = format!("{folder}/README.md");
    let Some(index) = pages.iter().find(|page| page.path == index) else {
        return vec![Problem { page: index, line: 1, what: "no such file".to_owned() }];
    };
    let listed: BTreeSet<String> =
        index.links.iter().filter_map(|link| relative(&index.path, link.it.split('#').next()?)).collect();
    pages
        .iter()
        .filter(|page| page.path.starts_with(&format!("{folder}/")) && page.path != index.path)
        .filter(|page| !listed.contains(&page.path))
        .map(|page| index.problem(1, format!("no link to {}", page.path)))
        .collect()
}

fn is_outside(link: &str) -> bool {
    link.contains("://") || link.starts_with("mailto:")
}

/// The path in the repository of a link on a page. `None` where it leaves the repository.
fn relative(page: &str, link: &str) -> Option<String> {
    let mut path: Vec<&str> = page.split('/').collect();
    path.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                path.pop()?;
            }
            part => path.push(part),
        }
    }
    (!link.starts_with('/')).then(|| path.join("/"))
}
