//! XML as a tree, for answers that are small.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// The deepest nesting that is read.
const MAX_DEPTH: usize = 32;

/// An element, its name without a prefix.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) children: Vec<Element>,
}

impl Element {
    /// Reads a message; `None` when it is no XML, is cut off, or brings definitions of its own.
    pub(super) fn parse(xml: &str) -> Option<Self> {
        let mut reader = Reader::from_str(xml);
        let mut open = vec![Self::default()];
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
                    let reference = format!("&{};", &*entity);
                    let text = quick_xml::escape::unescape(&reference).ok()?;
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
        Self { name: start.local_name().as_ref().to_owned(), ..Self::default() }
    }

    /// Returns the first element inside that is called `name`.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|it| it.name == name)
    }

    /// Returns the elements inside that are called `name`.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |it| it.name == name)
    }

    /// Returns the text of the first element inside that is called `name`.
    pub(super) fn text_of(&self, name: &str) -> Option<&str> {
        self.child(name).map(|it| it.text.trim()).filter(|it| !it.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_prefix_and_text_its_escapes() {
        let root = Element::parse("<a:b xmlns:a=\"x\"><c>1 &amp; &#50;</c><c/></a:b>").unwrap();
        assert_eq!((root.name.as_str(), root.all("c").count()), ("b", 2));
        assert_eq!(root.text_of("c"), Some("1 & 2"));
    }

    #[test]
    fn what_is_cut_off_or_defines_something_is_no_answer() {
        for xml in [
            "",
            "OK",
            "<a><b></a>",
            "<a>",
            "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>",
            "<a>&x;</a>",
            &format!("{}{}", "<a>".repeat(40), "</a>".repeat(40)),
        ] {
            assert_eq!(Element::parse(xml), None, "{xml}");
        }
    }
}
