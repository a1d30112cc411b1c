//! `scenariod check`: every problem of every file at once. Offline.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use daemon_core::exit::{Exit, UserError};
use daemon_core::lab::{Lab, LabError};
use daemon_core::problems::{Problem, Problems};
use daemon_core::yaml::ReadError;

use crate::catalogue::library::Library;
use crate::catalogue::playlist;
use crate::catalogue::source_files::{self, Kind, Named, Source, kind, meant};
use crate::catalogue::{self, CatalogueError};
use crate::cli::args::CheckArgs;
use crate::scenario::Scenario;
use crate::scenario::target;
use crate::settings::{Settings, proxies};

/// Files that are left out are named where a folder has no more of them.
const MOST_NAMED: usize = 5;

/// What is wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckError {
    #[error(transparent)]
    Lab(#[from] LabError),
    #[error(transparent)]
    Catalogue(CatalogueError),
    #[error("no scenario, playlist or lab file in {}", .0.display())]
    Empty(PathBuf),
    #[error(transparent)]
    Problems(#[from] Problems),
    #[error("{}", lines(unreadable, problems))]
    Unreadable { unreadable: Vec<ReadError>, problems: Problems },
}

impl UserError for CheckError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

/// Files that cannot be read come first: what else is wrong may follow from them.
fn lines(unreadable: &[ReadError], problems: &Problems) -> String {
    let mut lines: Vec<String> =
        unreadable.iter().map(|error| format!("{error}: {}", error.source)).collect();
    lines.extend(Some(problems.to_string()).filter(|text| !text.is_empty()));
    lines.join("\n")
}

/// The files to check, by what they are.
#[derive(Default)]
struct Files {
    scenarios: Vec<Source>,
    playlists: Vec<Source>,
    labs: Vec<Source>,
    /// In the folders, but not of this lab.
    others: Vec<String>,
}

impl Files {
    /// Whether there is one of the lab's below this folder.
    fn any_of(&self, folder: &Path) -> bool {
        let mut files = self.scenarios.iter().chain(&self.playlists).chain(&self.labs);
        files.any(|source| Path::new(&source.name).starts_with(folder))
    }
}

/// Checks files and folders: scenarios, playlists, lab files. Without any, what is built in and the lab file in use.
/// Names mean what they mean beside those of the folder `catalogue`. Gives a line that says what was checked.
pub(crate) fn check(args: &CheckArgs) -> Result<String, CheckError> {
    let (paths, catalogue) = (&args.paths, args.catalogue.catalogue.as_deref());
    let mut problems = Problems::default();
    let (files, unreadable) = if paths.is_empty() {
        let files =
            Files { scenarios: catalogue::built_in(), playlists: playlist::built_in(), ..Files::default() };
        (files, Vec::new())
    } else {
        let (named, unreadable) = source_files::read(paths);
        (sort(named, &mut problems), unreadable)
    };
    let mut labs = Vec::new();
    if files.labs.is_empty() {
        labs.push(sound(Lab::load(args.lab.config.as_deref()), &mut problems)?);
    }
    for source in &files.labs {
        let lab = Lab::parse(source.name.as_str(), source.text.as_str(), 0);
        labs.push(sound(lab, &mut problems)?);
    }
    // One by one: a file that is wrong hides no wrong node of another one.
    let sound_files =
        files.scenarios.iter().flat_map(|file| catalogue::scenarios(std::slice::from_ref(file)));
    let scenarios: Vec<_> = sound_files.flatten().collect();
    let beside = match Library::load(catalogue) {
        Ok(library) => library.catalogue,
        Err(CatalogueError::Problems(found)) => {
            problems.extend(found);
            Library::load(None).map_err(CheckError::Catalogue)?.catalogue
        }
        Err(other) => return Err(CheckError::Catalogue(other)),
    };
    let playlists = match Library::beside(beside, &files.scenarios, &files.playlists) {
        Ok(library) => library.playlists,
        Err(found) => {
            problems.extend(found);
            Vec::new()
        }
    };
    let checked = |name: &String| files.playlists.iter().any(|source| source.name == *name);
    let playlists = playlists.iter().filter(|list| checked(&list.place.file)).count();
    for lab in labs.iter().flatten() {
        let servers: Vec<String> = proxies(lab).into_iter().map(|proxy| proxy.name).collect();
        scenarios.iter().for_each(|scenario| problems.extend(target::check(scenario, &servers)));
    }
    problems.0.sort();
    problems.0.dedup();
    if !unreadable.is_empty() {
        return Err(CheckError::Unreadable { unreadable, problems });
    }
    problems.or(())?;
    if let Some(folder) = paths.iter().find(|path| path.is_dir() && !files.any_of(path)) {
        return Err(CheckError::Empty(folder.clone()));
    }
    let labs: Vec<&Lab> = labs.iter().flatten().collect();
    Ok(summary(&files, &scenarios, playlists, &labs))
}

fn summary(files: &Files, scenarios: &[Scenario], playlists: usize, labs: &[&Lab]) -> String {
    let many = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let mut line = String::from("ok: ");
    if !scenarios.is_empty() {
        let count = many(scenarios.len(), "scenario");
        let _ = write!(line, "{count} in {}, ", many(files.scenarios.len(), "file"));
    }
    if playlists > 0 {
        let _ = write!(line, "{}, ", many(playlists, "playlist"));
    }
    let nodes = labs.iter().map(|lab| lab.servers.len()).sum();
    let _ = write!(line, "{} in {}", many(nodes, "node"), many(labs.len(), "lab file"));
    let loadgens = |lab: &&Lab| lab.document().keys().any(|key| matches!(key, "loadgen" | "client"));
    if labs.iter().any(loadgens) {
        let whose = if labs.len() == 1 { "its" } else { "their" };
        let _ = write!(line, " ({whose} loadgen: and client: sections: loadgen check)");
    }
    line.push('\n');
    let unjudged = scenarios.iter().filter(|scenario| scenario.expect.is_empty());
    let unjudged: Vec<&str> = unjudged.map(|scenario| scenario.name.as_str()).collect();
    if !unjudged.is_empty() {
        let _ = writeln!(line, "not judged, as nothing is expected of them: {}", unjudged.join(", "));
    }
    if !files.others.is_empty() {
        let _ = writeln!(
            line,
            "left out, as no files of scenariod:\n  {}",
            by_folder(&files.others).join("\n  ")
        );
    }
    line
}

/// A line for each folder, of one with many files only how many.
fn by_folder(files: &[String]) -> Vec<String> {
    let mut folders: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for file in files {
        let (folder, name) = file.rsplit_once('/').unwrap_or((".", file));
        folders.entry(folder).or_default().push(name);
    }
    let one = |(folder, names): (&str, Vec<&str>)| match names.len() {
        0..=MOST_NAMED => format!("{folder}: {}", names.join(", ")),
        many => format!("{folder}: {many} files"),
    };
    folders.into_iter().map(one).collect()
}

/// What each file is. One that is named and is nothing of the lab is a problem; one that a folder holds is not.
fn sort(named: Vec<Named>, problems: &mut Problems) -> Files {
    let mut files = Files::default();
    for Named { source, by_name } in named {
        let kind = match kind(&source) {
            Kind::Other if by_name => meant(&source),
            kind => kind,
        };
        match kind {
            Kind::Scenarios => files.scenarios.push(source),
            Kind::Playlist => files.playlists.push(source),
            Kind::Lab => files.labs.push(source),
            Kind::Other if by_name => {
                let message =
                    "neither scenarios (`family`) nor a playlist (`playlist`) nor a lab (`servers`)";
                let problem = Problem { file: source.name, line: 1, message: message.to_owned() };
                problems.extend(problem.into());
            }
            Kind::Other => files.others.push(source.name),
        }
    }
    files
}

/// The lab if it and this daemon's section of it are sound; else what is wrong joins the other problems.
fn sound(lab: Result<Lab, LabError>, problems: &mut Problems) -> Result<Option<Lab>, LabError> {
    let checked = lab.and_then(|lab| Settings::new(&lab, None, None).map(|_| lab));
    match checked {
        Ok(lab) => Ok(Some(lab)),
        Err(LabError::Wrong(found)) => {
            problems.extend(found);
            Ok(None)
        }
        Err(other) => Err(other),
    }
}
