//! A page of Markdown: its links, the anchors of its headings, and its code. Judges nothing. Pure.

use std::collections::BTreeSet;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use super::Problem;

/// A page, by its path in the repository.
#[derive(Debug)]
pub struct Page {
    /// The path, as `docs/verdicts.md`.
    pub path: String,
    pub(super) links: Vec<At<String>>,
    pub(super) anchors: BTreeSet<String>,
    pub(super) code: Vec<At<Code>>,
}

/// Something and its line.
#[derive(Debug)]
pub(super) struct At<T> {
    pub(super) line: usize,
    pub(super) it: T,
}

#[derive(Debug)]
pub(super) enum Code {
    /// Within a sentence.
    Span(String),
    /// One line of a block in this language.
    Line { language: String, text: String },
}

impl Page {
    /// Reads a page.
    pub fn new(path: &str, text: &str) -> Self {
        let mut page =
            Self { path: path.to_owned(), links: Vec::new(), anchors: BTreeSet::new(), code: Vec::new() };
        let mut heading: Option<String> = None;
        let mut language: Option<String> = None;
        for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
            let line = 1 + text[..range.start].matches('\n').count();
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push(At { line, it: dest_url.into_string() });
                }
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => page.anchor(&heading.take().unwrap_or_default()),
                Event::Start(Tag::CodeBlock(kind)) => {
                    language = Some(match kind {
                        CodeBlockKind::Fenced(language) => language.into_string(),
                        CodeBlockKind::Indented => String::new(),
                    });
                }
                Event::End(TagEnd::CodeBlock) => language = None,
                Event::Text(text) => match (&language, &mut heading) {
                    (Some(language), _) => {
                        let lines = text.lines().enumerate().map(|(after, text)| {
                            let it = Code::Line { language: language.clone(), text: text.to_owned() };
                            At { line: line + after, it }
                        });
                        page.code.extend(lines);
                    }
                    (None, Some(heading)) => *heading += &text,
                    (None, None) => {}
                },
                Event::Code(code) => {
                    heading.iter_mut().for_each(|heading| *heading += &code);
                    page.code.push(At { line, it: Code::Span(code.into_string()) });
                }
                _ => {}
            }
        }
        page
    }

    /// Headings of equal text are numbered, as GitHub does.
    fn anchor(&mut self, heading: &str) {
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
        let slug: String =
            kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect();
        let numbered = (1..).map(|n| format!("{slug}-{n}"));
        let free = std::iter::once(slug.clone()).chain(numbered).find(|slug| !self.anchors.contains(slug));
        self.anchors.extend(free);
    }

    pub(super) fn problem(&self, line: usize, what: String) -> Problem {
        Problem { page: self.path.clone(), line, what }
    }
}
