//! One flat JSON object a line: when, how grave, what, and every field of the event and its spans.

use std::fmt::Debug;
use std::io::Write;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::ports::{Clock, SystemClock};

/// Writes events to standard output. A field of a span stands on every line within it; an inner one
/// covers an outer one of the same name. Fields named `otel.…` are for traces and left out.
#[derive(Debug, Default)]
pub(crate) struct JsonLines;

/// The fields of a span, kept beside it.
struct SpanFields(Map<String, Value>);

impl<S> Layer<S> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Map::new();
        attributes.record(&mut Fields(&mut fields));
        span.extensions_mut().insert(SpanFields(fields));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(SpanFields(fields)) = span.extensions_mut().get_mut() {
            values.record(&mut Fields(fields));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut line = line_of(event, &context).to_string();
        line.push('\n');
        // A log that nobody reads must not stop the work.
        let _ = std::io::stdout().lock().write_all(line.as_bytes());
    }
}

fn line_of<S>(event: &Event<'_>, context: &Context<'_, S>) -> Value
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let mut line = Map::new();
    for span in context
        .event_scope(event)
        .into_iter()
        .flat_map(tracing_subscriber::registry::Scope::from_root)
    {
        if let Some(SpanFields(fields)) = span.extensions().get() {
            line.extend(fields.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
    }
    event.record(&mut Fields(&mut line));
    // Last, so that no field can pass for them.
    let metadata = event.metadata();
    line.insert("timestamp".into(), SystemClock.now().to_string().into());
    line.insert("level".into(), metadata.level().as_str().into());
    line.insert("target".into(), metadata.target().into());
    Value::Object(line)
}

/// Gathers fields as JSON values.
struct Fields<'a>(&'a mut Map<String, Value>);

impl Fields<'_> {
    fn put(&mut self, field: &Field, value: Value) {
        if !field.name().starts_with("otel.") {
            self.0.insert(field.name().to_owned(), value);
        }
    }
}

impl Visit for Fields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field, format!("{value:?}").into());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::{info, info_span};
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    /// Keeps lines instead of writing them.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<Value>>>);

    impl<S> Layer<S> for Kept
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
            self.0.lock().unwrap().push(line_of(event, &context));
        }
    }

    fn lines(work: impl FnOnce()) -> Vec<Value> {
        let kept = Kept::default();
        let subscriber = tracing_subscriber::registry().with(JsonLines).with(kept.clone());
        tracing::subscriber::with_default(subscriber, work);
        let lines = kept.0.lock().unwrap();
        lines.clone()
    }

    #[test]
    fn line_is_flat_and_holds_the_fields_of_its_spans() {
        let lines = lines(|| {
            let outer = info_span!("invocation", aws.request_id = "r-1", otel.kind = "server");
            let _outer = outer.enter();
            let inner = info_span!("request", correlation.id = tracing::field::Empty);
            inner.record("correlation.id", "c-1");
            let _inner = inner.enter();
            info!(n_rows = 3_u64, is_new = true, "queued `{}`", "e");
        });
        let line = &lines[0];
        assert_eq!(line["aws.request_id"], "r-1");
        assert_eq!(line["correlation.id"], "c-1");
        assert_eq!(line["n_rows"], 3);
        assert_eq!(line["is_new"], true);
        assert_eq!(line["message"], "queued `e`");
        assert_eq!(line["level"], "INFO");
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
        assert!(line.get("otel.kind").is_none());
        assert!(line.as_object().unwrap().values().all(|it| !it.is_object() && !it.is_array()));
    }

    #[test]
    fn no_field_passes_for_the_level() {
        let lines = lines(|| info!(level = "ERROR", "said"));
        assert_eq!(lines[0]["level"], "INFO");
    }

    #[test]
    fn text_cannot_begin_a_line_of_its_own() {
        let lines = lines(|| info!(error = "one\n{\"level\":\"ERROR\"}", "failed"));
        assert!(!lines[0].to_string().contains('\n'));
    }
}
