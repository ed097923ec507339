//! Which trace the work at hand belongs to, as a W3C `traceparent`.
//!
//! Nothing here knows how spans are kept: who exports them installs a [`Tracer`]. Without one, every
//! question costs one atomic read and is answered with `None`.

use std::sync::OnceLock;

use tracing::Span;

use crate::ids::CorrelationId;

/// Keeps spans and knows the trace of each.
pub trait Tracer: Send + Sync {
    /// Returns the `traceparent` that names `span` as the parent.
    fn parent_of(&self, span: &Span) -> Option<TraceParent>;

    /// Makes `span` a child of `parent`; it must not have been entered.
    fn continue_from(&self, span: &Span, parent: &TraceParent);

    /// Tells whether `host` may know the trace of a call to it.
    fn may_tell(&self, host: &str) -> bool;
}

static TRACER: OnceLock<Box<dyn Tracer>> = OnceLock::new();

/// Has `tracer` keep the traces of this process; `false` when another does already.
pub fn install(tracer: Box<dyn Tracer>) -> bool {
    TRACER.set(tracer).is_ok()
}

/// Tells whether traces are kept.
pub fn is_on() -> bool {
    TRACER.get().is_some()
}

/// Returns the `traceparent` of the work at hand, for whoever continues it.
pub fn current() -> Option<String> {
    parent_of(&Span::current()).map(|it| it.0)
}

/// Returns the `traceparent` for a call to `host`; none for a host that must not know it.
pub fn current_for(host: &str) -> Option<String> {
    TRACER.get().filter(|it| it.may_tell(host)).and_then(|_| current())
}

/// Returns the `traceparent` that names `span` as the parent.
pub fn parent_of(span: &Span) -> Option<TraceParent> {
    TRACER.get()?.parent_of(span)
}

/// Makes `span` a child of `parent`, when that is well formed and traces are kept.
pub fn continue_from(span: &Span, parent: Option<&str>) {
    if let (Some(tracer), Some(parent)) = (TRACER.get(), parent.and_then(TraceParent::parse)) {
        tracer.continue_from(span, &parent);
    }
}

/// A W3C `traceparent`, such as `00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01`.
/// Source: W3C Trace Context, level 1, section 3.2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceParent(String);

impl TraceParent {
    /// Reads `raw`; `None` when it is not well formed or names no trace.
    pub fn parse(raw: &str) -> Option<Self> {
        let is_hex = |part: &str, len| {
            part.len() == len && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        let names_one = |part: &str| part.bytes().any(|b| b != b'0');
        let mut parts = raw.trim().split('-');
        let (version, trace, span, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let is_whole = parts.next().is_none() || version != "00";
        (is_whole
            && is_hex(version, 2)
            && version != "ff"
            && is_hex(trace, 32)
            && names_one(trace)
            && is_hex(span, 16)
            && names_one(span)
            && is_hex(flags, 2))
        .then(|| Self(format!("00-{trace}-{span}-{flags}")))
    }

    /// Reads an X-Ray header, such as `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=
    /// 53995c3f42cd8ad8;Sampled=1`. Source: AWS X-Ray developer guide, "Tracing header".
    pub fn of_x_ray(header: &str) -> Option<Self> {
        let part = |name: &str| {
            let parts = header.split(';').filter_map(|it| it.trim().split_once('='));
            parts.filter(|(it, _)| *it == name).map(|(_, value)| value).next()
        };
        let (epoch, unique) = part("Root")?.strip_prefix("1-")?.split_once('-')?;
        let flags = if part("Sampled") == Some("1") { "01" } else { "00" };
        Self::parse(&format!("00-{epoch}{unique}-{}-{flags}", part("Parent")?))
    }

    /// Returns the text of the header.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the id of the trace: 32 hexadecimal digits.
    pub fn trace_id(&self) -> &str {
        self.0.get(3..35).unwrap_or_default()
    }

    /// Returns the id of the trace as a correlation id, so that one finds the other.
    pub fn correlation_id(&self) -> Option<CorrelationId> {
        CorrelationId::parse(self.trace_id()).ok()
    }
}

impl From<TraceParent> for String {
    fn from(parent: TraceParent) -> Self {
        parent.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn well_formed_parent_gives_its_trace() {
        let parent = TraceParent::parse(PARENT).unwrap();
        assert_eq!(parent.trace_id(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(parent.correlation_id().unwrap().as_str(), parent.trace_id());
    }

    #[test]
    fn what_names_no_trace_is_no_parent() {
        let zeroes = "0".repeat(32);
        for raw in [
            "",
            "00",
            &PARENT.replace("0af7651916cd43dd8448eb211c80319c", &zeroes),
            &PARENT.replace("b7ad6b7169203331", "0000000000000000"),
            &PARENT.to_uppercase(),
            &PARENT.replace("00-", "ff-"),
            &format!("{PARENT}-more"),
            "00-short-b7ad6b7169203331-01",
        ] {
            assert_eq!(TraceParent::parse(raw), None, "{raw}");
        }
    }

    #[test]
    fn later_version_is_read_as_far_as_it_is_known() {
        let later = format!("{}-more", PARENT.replace("00-0af", "01-0af"));
        assert_eq!(TraceParent::parse(&later).unwrap().as_str(), PARENT);
    }

    #[test]
    fn x_ray_header_becomes_a_parent() {
        let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
        let parent = TraceParent::of_x_ray(header).unwrap();
        assert_eq!(parent.as_str(), "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01");
        assert_eq!(TraceParent::of_x_ray("Root=1-5759e988-bd862e3fe1be46a994272793"), None);
    }

    #[test]
    fn without_a_tracer_there_is_no_trace() {
        assert!(!is_on());
        assert_eq!(current(), None);
        continue_from(&Span::current(), Some(PARENT));
    }
}
