//! The `SOAP` envelope of an outbound message, read as a stream: no `DTD`, no entities of its own.

use std::borrow::Cow;

use quick_xml::NsReader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::{Namespace, NamespaceResolver, QName, ResolveResult};

use crate::refusal::Refusal;

/// Elements may be nested this deep; an outbound message needs six levels.
const MAX_DEPTH: usize = 16;
/// More elements than this are refused: 100 notifications of 500 fields, and the rest.
const MAX_ELEMENTS: usize = 60_000;
/// Salesforce sends 1 to 100 notifications a message.
/// Source: SOAP API guide, "Understanding Outbound Messaging".
const MAX_NOTIFICATIONS: usize = 100;

const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const OUTBOUND: &str = "http://soap.sforce.com/2005/09/outbound";
const ENTERPRISE: &str = "urn:sobject.enterprise.soap.sforce.com";
const PARTNER: &str = "urn:sobject.partner.soap.sforce.com";
const INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// The content of one outbound message.
#[derive(Debug, Default)]
pub(crate) struct OutboundMessage<'a> {
    /// The org that sent it.
    pub(crate) organization_id: Cow<'a, str>,
    /// Its notifications, 1 to 100.
    pub(crate) notifications: Vec<Notification<'a>>,
}

/// One record in one outbound message.
#[derive(Debug, Default)]
pub(crate) struct Notification<'a> {
    /// The id that stays the same when the message is sent again.
    pub(crate) id: Cow<'a, str>,
    /// The object, such as `Case`.
    pub(crate) object: String,
    /// Its fields, in the order sent.
    pub(crate) fields: Vec<Field<'a>>,
}

/// The name and text of one field; `None` was sent as `xsi:nil`.
type Field<'a> = (String, Option<Cow<'a, str>>);

/// Reads an outbound message.
///
/// # Errors
///
/// `Malformed`, naming the element at fault.
pub(crate) fn read(text: &str) -> Result<OutboundMessage<'_>, Refusal> {
    let mut walker = Walker::new(text);
    walker.open_root()?;
    let mut message = None;
    while let Some(element) = walker.child("Envelope")? {
        if !element.is(Space::Soap, "Body") {
            walker.skip()?;
            continue;
        }
        while let Some(element) = walker.child("Body")? {
            if !element.is(Space::Outbound, "notifications") {
                walker.skip()?;
            } else if message.is_some() {
                return Err(Refusal::malformed("notifications", "is there twice"));
            } else {
                message = Some(notifications(&mut walker)?);
            }
        }
    }
    walker.end()?;
    message.ok_or_else(|| {
        let message = format!("is missing: send it in namespace `{OUTBOUND}` within `Body`");
        Refusal::malformed("notifications", message)
    })
}

fn notifications<'a>(walker: &mut Walker<'a>) -> Result<OutboundMessage<'a>, Refusal> {
    let mut organization_id = None;
    let mut notifications = Vec::new();
    while let Some(element) = walker.child("notifications")? {
        if element.is(Space::Outbound, "OrganizationId") {
            organization_id = walker.text()?;
        } else if element.is(Space::Outbound, "Notification") {
            if notifications.len() == MAX_NOTIFICATIONS {
                let message = format!("is there more than {MAX_NOTIFICATIONS} times");
                return Err(Refusal::malformed("Notification", message));
            }
            notifications.push(notification(walker)?);
        } else {
            walker.skip()?;
        }
    }
    if notifications.is_empty() {
        return Err(Refusal::malformed("Notification", "is missing: send 1 to 100"));
    }
    let organization_id =
        organization_id.ok_or_else(|| Refusal::malformed("OrganizationId", "is missing"))?;
    Ok(OutboundMessage { organization_id, notifications })
}

fn notification<'a>(walker: &mut Walker<'a>) -> Result<Notification<'a>, Refusal> {
    let mut id = None;
    let mut record = None;
    while let Some(element) = walker.child("Notification")? {
        if element.is(Space::Outbound, "Id") {
            id = walker.text()?;
        } else if element.is(Space::Outbound, "sObject") {
            let object = element.object()?;
            record = Some((object, fields(walker)?));
        } else {
            walker.skip()?;
        }
    }
    let id = id.ok_or_else(|| Refusal::malformed("Notification/Id", "is missing"))?;
    let (object, fields) =
        record.ok_or_else(|| Refusal::malformed("Notification/sObject", "is missing"))?;
    Ok(Notification { id, object, fields })
}

fn fields<'a>(walker: &mut Walker<'a>) -> Result<Vec<Field<'a>>, Refusal> {
    let mut fields = Vec::with_capacity(16);
    while let Some(element) = walker.child("sObject")? {
        if element.space != Space::Record {
            walker.skip()?;
        } else if element.is_nil() {
            walker.skip()?;
            fields.push((element.name, None));
        } else {
            // A field that holds elements is left out: no mapping takes one.
            fields.extend(walker.text()?.map(|text| (element.name, Some(text))));
        }
    }
    Ok(fields)
}

/// The namespaces that mean something here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Space {
    Soap,
    Outbound,
    Record,
    Other,
}

/// The start of an element.
struct Element {
    space: Space,
    name: String,
    /// `xsi:type`, its prefix resolved.
    kind: Option<(Space, String)>,
    /// `xsi:nil`.
    nil: Option<String>,
}

impl Element {
    fn read(start: &BytesStart<'_>, names: &NamespaceResolver) -> Result<Self, Refusal> {
        let (space, name) = names.resolve_element(start.name());
        let mut element = Self {
            space: Space::of(&space),
            name: name.as_ref().to_owned(),
            kind: None,
            nil: None,
        };
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| {
                Refusal::malformed(&element.name, format!("has a malformed attribute: {error}"))
            })?;
            let (space, name) = names.resolve_attribute(attribute.key);
            if space != ResolveResult::Bound(Namespace(INSTANCE)) {
                continue;
            }
            let value = attribute.value.trim();
            match name.as_ref() {
                "type" => {
                    let (space, name) = names.resolve_element(QName(value));
                    element.kind = Some((Space::of(&space), name.as_ref().to_owned()));
                }
                "nil" => element.nil = Some(value.to_owned()),
                _ => {}
            }
        }
        Ok(element)
    }

    fn is(&self, space: Space, name: &str) -> bool {
        self.space == space && self.name == name
    }

    /// Returns the object that `xsi:type` names.
    fn object(self) -> Result<String, Refusal> {
        match self.kind {
            Some((Space::Record, name)) => Ok(name),
            _ => {
                let message = format!("has no `xsi:type` of namespace `{ENTERPRISE}`");
                Err(Refusal::malformed("sObject", message))
            }
        }
    }

    fn is_nil(&self) -> bool {
        matches!(self.nil.as_deref(), Some("true" | "1"))
    }
}

impl Space {
    fn of(resolved: &ResolveResult<'_>) -> Self {
        match resolved {
            ResolveResult::Bound(Namespace(SOAP)) => Self::Soap,
            ResolveResult::Bound(Namespace(OUTBOUND)) => Self::Outbound,
            ResolveResult::Bound(Namespace(ENTERPRISE | PARTNER)) => Self::Record,
            _ => Self::Other,
        }
    }
}

/// What comes next.
enum Step<'a> {
    Open(Element),
    Close,
    Text(Cow<'a, str>),
    End,
}

/// Walks the document with every limit in force.
struct Walker<'a> {
    reader: NsReader<&'a [u8]>,
    depth: usize,
    n_elements: usize,
}

impl<'a> Walker<'a> {
    fn new(text: &'a str) -> Self {
        let mut reader = NsReader::from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
        reader.config_mut().expand_empty_elements = true;
        Self { reader, depth: 0, n_elements: 0 }
    }

    /// Enters the root element.
    fn open_root(&mut self) -> Result<(), Refusal> {
        loop {
            match self.step()? {
                Step::Text(text) if is_blank(&text) => {}
                Step::Open(element) if element.is(Space::Soap, "Envelope") => return Ok(()),
                _ => {
                    let message = format!("is missing: send it in namespace `{SOAP}`");
                    return Err(Refusal::malformed("Envelope", message));
                }
            }
        }
    }

    /// Enters the next child of `parent`, or leaves `parent` when there is none.
    fn child(&mut self, parent: &str) -> Result<Option<Element>, Refusal> {
        loop {
            match self.step()? {
                Step::Open(element) => return Ok(Some(element)),
                Step::Close => return Ok(None),
                Step::Text(text) if is_blank(&text) => {}
                Step::Text(_) => return Err(Refusal::malformed(parent, "holds stray text")),
                Step::End => return Err(cut_off()),
            }
        }
    }

    /// Leaves the element entered last, and whatever is in it.
    fn skip(&mut self) -> Result<(), Refusal> {
        let outside = self.depth.saturating_sub(1);
        while self.depth > outside {
            if matches!(self.step()?, Step::End) {
                return Err(cut_off());
            }
        }
        Ok(())
    }

    /// Returns the text of the element entered last and leaves it; `None` when it holds elements.
    fn text(&mut self) -> Result<Option<Cow<'a, str>>, Refusal> {
        let mut whole = Cow::Borrowed("");
        let mut is_plain = true;
        loop {
            match self.step()? {
                Step::Text(text) if whole.is_empty() => whole = text,
                Step::Text(text) => whole.to_mut().push_str(&text),
                Step::Open(_) => {
                    is_plain = false;
                    self.skip()?;
                }
                Step::Close => return Ok(is_plain.then_some(whole)),
                Step::End => return Err(cut_off()),
            }
        }
    }

    /// Makes sure that nothing follows the root element.
    fn end(&mut self) -> Result<(), Refusal> {
        loop {
            match self.step()? {
                Step::End => return Ok(()),
                Step::Text(text) if is_blank(&text) => {}
                _ => return Err(Refusal::malformed("Envelope", "is followed by something else")),
            }
        }
    }

    fn step(&mut self) -> Result<Step<'a>, Refusal> {
        loop {
            let event = self.reader.read_event().map_err(|error| {
                let at = self.reader.error_position();
                Refusal::malformed("body", format!("is not XML at byte {at}: {error}"))
            })?;
            return Ok(match event {
                Event::Start(start) => {
                    self.depth += 1;
                    self.n_elements += 1;
                    if self.depth > MAX_DEPTH {
                        let message = format!("nests elements deeper than {MAX_DEPTH} levels");
                        return Err(Refusal::malformed("body", message));
                    }
                    if self.n_elements > MAX_ELEMENTS {
                        let message = format!("has more than {MAX_ELEMENTS} elements");
                        return Err(Refusal::malformed("body", message));
                    }
                    Step::Open(Element::read(&start, self.reader.resolver())?)
                }
                Event::Empty(_) | Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    Step::Close
                }
                Event::Text(text) => Step::Text(text.into_inner()),
                Event::CData(text) => Step::Text(text.into_inner()),
                Event::GeneralRef(reference) => Step::Text(Cow::Owned(resolve(&reference)?)),
                Event::DocType(_) => {
                    return Err(Refusal::malformed("body", "has a DTD, which is not allowed"));
                }
                Event::Decl(declaration) => {
                    let encoding = declaration.encoding().transpose().ok().flatten();
                    if encoding.is_some_and(|it| !it.eq_ignore_ascii_case("utf-8")) {
                        let message = "declares an encoding other than UTF-8";
                        return Err(Refusal::malformed("body", message));
                    }
                    continue;
                }
                Event::Comment(_) | Event::PI(_) => continue,
                Event::Eof if self.depth > 0 => return Err(cut_off()),
                Event::Eof => Step::End,
            });
        }
    }
}

fn resolve(reference: &BytesRef<'_>) -> Result<String, Refusal> {
    let refused = |message: String| Refusal::malformed("body", message);
    let character = reference
        .resolve_char_ref()
        .map_err(|error| refused(format!("has a malformed reference: {error}")))?;
    match character {
        Some(character) => Ok(character.to_string()),
        None => resolve_predefined_entity(reference).map(str::to_owned).ok_or_else(|| {
            refused("has an entity other than `&amp;`, `&lt;`, `&gt;`, `&quot;`, `&apos;`".into())
        }),
    }
}

fn is_blank(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_whitespace())
}

fn cut_off() -> Refusal {
    Refusal::malformed("body", "ends in the middle of an element")
}
