//! `scenariod check`: every problem of every file at once. Offline.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

use daemon_core::exit::{Exit, UserError};
use daemon_core::lab::{Lab, LabError};
use daemon_core::problems::{Problem, Problems};
use daemon_core::yaml::ReadError;

use crate::catalogue::library::Library;
use crate::catalogue::playlist;
use crate::catalogue::source_files::{self, FileKind, InputFile, Source, file_kind, guess_kind};
use crate::catalogue::{self, CatalogueError};
use crate::cli::args::CheckArgs;
use crate::scenario::Scenario;
use crate::scenario::target;
use crate::settings::{Settings, proxies};

/// A folder with more left-out files than this shows only their number.
const MOST_NAMED: usize = 5;

/// Why a check failed.
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

/// Unreadable files come first, as they may cause the other problems.
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
    /// Files in the folders that are not for this program.
    others: Vec<String>,
}

impl Files {
    /// Whether the file of this name is one of the compiled-in files, or a copy of one.
    fn is_shipped(&self, name: &str) -> bool {
        let mut files = self.scenarios.iter().filter(|source| source.name == name);
        files.any(|source| catalogue::built_in().iter().any(|shipped| shipped.text == source.text))
    }

    /// Whether this folder holds a file for this program.
    fn any_of(&self, folder: &Path) -> bool {
        let mut files = self.scenarios.iter().chain(&self.playlists).chain(&self.labs);
        files.any(|source| Path::new(&source.name).starts_with(folder))
    }
}

/// Checks scenario, playlist and lab files; without paths, the built-in files and the lab file in use. Names are looked up in
/// the `--catalogue` folder as well. Returns a summary of what was checked.
pub(crate) fn check(args: &CheckArgs) -> Result<String, CheckError> {
    let paths = &args.paths;
    let mut problems = Problems::default();
    let (files, unreadable) = if paths.is_empty() {
        let files =
            Files { scenarios: catalogue::built_in(), playlists: playlist::built_in(), ..Files::default() };
        (files, Vec::new())
    } else {
        let (named, unreadable) = source_files::read_files(paths);
        (sort(named, &mut problems), unreadable)
    };
    let labs = check_labs(&files, args, &mut problems)?;
    // File by file, so that an invalid file does not hide an unknown node in another file.
    let valid_files =
        files.scenarios.iter().flat_map(|file| catalogue::scenarios(std::slice::from_ref(file)));
    let scenarios: Vec<_> = valid_files.flatten().collect();
    let playlists = check_names(&files, args, &mut problems)?;
    let mut too_large = BTreeSet::new();
    for lab in &labs {
        let servers: Vec<String> = proxies(lab).into_iter().map(|proxy| proxy.name).collect();
        for scenario in &scenarios {
            problems.extend(target::check_targets(scenario, &servers));
            match target::find_shortage(scenario, &servers) {
                // A shipped file is not wrong because a lab is small.
                Some(shortage) if files.is_shipped(&scenario.source.file) => {
                    too_large.insert(format!("{} ({} nodes)", shortage.scenario, shortage.needed));
                }
                Some(shortage) => problems.0.push(shortage.into()),
                None => {}
            }
        }
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
    let mut summary = summary(&files, &scenarios, playlists, &labs);
    if !too_large.is_empty() {
        let names: Vec<String> = too_large.into_iter().collect();
        let _ = writeln!(summary, "not for labs with fewer nodes: {}", names.join(", "));
    }
    Ok(summary)
}

/// The valid lab files; without any file, the lab in use.
fn check_labs(files: &Files, args: &CheckArgs, problems: &mut Problems) -> Result<Vec<Lab>, LabError> {
    if files.labs.is_empty() {
        let lab = valid_lab(Lab::load(args.lab.config.as_deref()), problems)?;
        return Ok(lab.into_iter().collect());
    }
    let parse = |source: &Source| Lab::parse(source.name.as_str(), source.text.as_str(), 0);
    let labs = files.labs.iter().map(|source| valid_lab(parse(source), problems));
    labs.filter_map(Result::transpose).collect()
}

/// Checks the names of scenarios and playlists against those of the catalogue. Returns how many playlists were checked.
fn check_names(files: &Files, args: &CheckArgs, problems: &mut Problems) -> Result<usize, CheckError> {
    let catalogue = match Library::load(args.catalogue.catalogue.as_deref()) {
        Ok(library) => library.catalogue,
        Err(CatalogueError::Problems(found)) => {
            problems.extend(found);
            Library::load(None).map_err(CheckError::Catalogue)?.catalogue
        }
        Err(other) => return Err(CheckError::Catalogue(other)),
    };
    let playlists = match Library::extend_catalogue(catalogue, &files.scenarios, &files.playlists) {
        Ok(library) => library.playlists,
        Err(found) => {
            problems.extend(found);
            Vec::new()
        }
    };
    let is_checked = |name: &String| files.playlists.iter().any(|source| source.name == *name);
    Ok(playlists.iter().filter(|list| is_checked(&list.source.file)).count())
}

fn summary(files: &Files, scenarios: &[Scenario], playlists: usize, labs: &[Lab]) -> String {
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
    let loadgens = |lab: &Lab| lab.document().keys().any(|key| matches!(key, "loadgen" | "client"));
    if labs.iter().any(loadgens) {
        let whose = if labs.len() == 1 { "its" } else { "their" };
        let _ = write!(line, " ({whose} loadgen: and client: sections: loadgen check)");
    }
    line.push('\n');
    let unjudged = scenarios.iter().filter(|scenario| scenario.expect.is_empty());
    let unjudged: Vec<&str> = unjudged.map(|scenario| scenario.name.as_str()).collect();
    if !unjudged.is_empty() {
        let _ = writeln!(line, "not judged, as they have no expectations: {}", unjudged.join(", "));
    }
    if !files.others.is_empty() {
        let _ = writeln!(
            line,
            "left out, as they are not files of scenariod:\n  {}",
            by_folder(&files.others).join("\n  ")
        );
    }
    line
}

/// One line per folder. A folder with many files shows only their number.
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

/// Sorts files by kind. A file of no known kind is a problem if it was named itself, but not if a folder holds it.
fn sort(named: Vec<InputFile>, problems: &mut Problems) -> Files {
    let mut files = Files::default();
    for InputFile { source, by_name } in named {
        let kind = match file_kind(&source) {
            FileKind::Other if by_name => guess_kind(&source),
            kind => kind,
        };
        match kind {
            FileKind::Scenarios => files.scenarios.push(source),
            FileKind::Playlist => files.playlists.push(source),
            FileKind::Lab => files.labs.push(source),
            FileKind::Other if by_name => {
                let message = "not a scenario file (`family`), playlist (`playlist`) or lab file (`servers`)";
                let problem = Problem { file: source.name, line: 1, message: message.to_owned() };
                problems.extend(problem.into());
            }
            FileKind::Other => files.others.push(source.name),
        }
    }
    files
}

/// The lab, if it and its section for this daemon are valid. Otherwise its problems join the others.
fn valid_lab(lab: Result<Lab, LabError>, problems: &mut Problems) -> Result<Option<Lab>, LabError> {
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
