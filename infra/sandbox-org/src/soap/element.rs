//! XML as a tree, for messages that are small.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// Deepest nesting that is read.
const MAX_DEPTH: usize = 32;

/// An element of a message, its name without a prefix.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Element {
    /// Local name.
    pub(crate) name: String,
    /// Text directly inside it.
    pub(crate) text: String,
    /// Whether it says that it is nil.
    pub(crate) is_nil: bool,
    /// Elements directly inside it.
    pub(crate) children: Vec<Element>,
}

impl Element {
    /// Reads a message; nothing when it is no well-formed XML, or brings definitions of its own.
    #[must_use]
    pub(crate) fn parse(xml: &str) -> Option<Self> {
        let mut reader = Reader::from_str(xml);
        let mut open: Vec<Self> = vec![Self::default()];
        loop {
            match reader.read_event().ok()? {
                Event::Start(start) if open.len() <= MAX_DEPTH => open.push(Self::named(&start)),
                Event::Empty(start) if open.len() <= MAX_DEPTH => {
                    open.last_mut()?.children.push(Self::named(&start));
                }
                Event::End(_) if open.len() > 1 => {
                    let done = open.pop()?;
                    open.last_mut()?.children.push(done);
                }
                Event::Text(part) => open.last_mut()?.text.push_str(&part),
                Event::CData(part) => open.last_mut()?.text.push_str(&part),
                Event::GeneralRef(entity) => {
                    let raw = format!("&{};", &*entity);
                    let text = quick_xml::escape::unescape(&raw).ok()?;
                    open.last_mut()?.text.push_str(&text);
                }
                Event::Eof => break,
                Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
                _ => return None,
            }
        }
        let root = open.pop()?;
        if open.is_empty() { root.children.into_iter().next() } else { None }
    }

    fn named(start: &BytesStart<'_>) -> Self {
        let is_nil = start.attributes().flatten().any(|attribute| {
            attribute.key.local_name().as_ref() == "nil" && &*attribute.value == "true"
        });
        Self { name: start.local_name().as_ref().to_owned(), is_nil, ..Self::default() }
    }

    /// Returns the first element inside with this name.
    #[must_use]
    pub(crate) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// Returns all elements inside with this name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// Returns the text of the element that a path of names leads to.
    #[must_use]
    pub(crate) fn text_at(&self, path: &[&str]) -> Option<&str> {
        let found = path.iter().try_fold(self, |here, name| here.child(name))?;
        Some(found.text.trim())
    }
}
